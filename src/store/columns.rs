//! A row as serde reads it: a map from the names of its columns to what they hold, of which nothing is copied before
//! whoever reads it takes it.

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo, ValueRef};

/// The row.
pub(super) struct Columns<'de>(pub(super) &'de SqliteRow);

/// Those of its columns that are still to be read.
struct Rest<'de> {
    row: &'de SqliteRow,
    next: usize,
}

/// What a column holds.
struct Held<'de> {
    row: &'de SqliteRow,
    at: usize,
}

impl<'de> Deserializer<'de> for Columns<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Rest { row: self.0, next: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Rest<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(column) = self.row.columns().get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(BorrowedStrDeserializer::new(column.name())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let held = Held { row: self.row, at: self.next - 1 };
        let read = seed.deserialize(held);
        read.map_err(|why| Error::custom(format!("{}: {why}", self.row.columns()[self.next - 1].name())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.columns().len() - self.next)
    }
}

impl<'de> Held<'de> {
    fn is_null(&self) -> Result<bool, Error> {
        self.row.try_get_raw(self.at).map(|raw| raw.is_null()).map_err(Error::custom)
    }

    fn text(&self) -> Result<&'de str, Error> {
        self.row.try_get(self.at).map_err(Error::custom)
    }
}

impl<'de> Deserializer<'de> for Held<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let raw = self.row.try_get_raw(self.at).map_err(Error::custom)?;
        if raw.is_null() {
            visitor.visit_unit()
        } else if raw.type_info().name() == "INTEGER" {
            visitor.visit_i64(self.row.try_get(self.at).map_err(Error::custom)?)
        } else {
            visitor.visit_borrowed_str(self.text()?)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
