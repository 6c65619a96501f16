//! A contact in the dialplan's words, as the fields of `OutDlListCreate`.

use super::codec::Call;
use crate::model::fields::{FieldError, Fields};
use crate::model::number::NUMBERS;

pub(super) const FORM: &str = "OutDlCreate,dlma,num1[:num2...][,name[,detail[,email[,ukey[,v=x:...]]]]]";

/// Reads `OutDlCreate,dlma,num1[:num2…][,name[,detail[,email[,ukey[,v=x:…]]]]]`. An argument that is empty is one that was
/// not given; an empty number leaves its place out.
pub(super) fn fields(call: &Call) -> Result<Fields, FieldError> {
    let [dlma, numbers, rest @ ..] = call.arguments.as_slice() else {
        return Err(FieldError::missing("arguments", FORM));
    };
    let mut fields = vec![("DlmaUuid".to_owned(), dlma.clone())];
    for (place, number) in numbers.split(':').enumerate() {
        if place >= NUMBERS {
            return Err(FieldError::invalid(
                "Number1",
                numbers,
                format!("at most {NUMBERS} numbers, by colons"),
            ));
        }
        if !number.is_empty() {
            fields.push((format!("Number{}", place + 1), number.to_owned()));
        }
    }
    const NAMES: [&str; 4] = ["Name", "Detail", "Email", "UKey"];
    let given = NAMES.iter().zip(rest).filter(|(_, value)| !value.is_empty());
    fields.extend(given.map(|(name, value)| ((*name).to_owned(), value.clone())));
    if let Some(variables) = rest.get(NAMES.len()).filter(|text| !text.is_empty()) {
        fields.extend(variables.split(':').map(|variable| ("Variable".to_owned(), variable.to_owned())));
    }
    match rest.get(NAMES.len() + 1) {
        // A comma in a name, say.
        Some(more) => Err(FieldError::invalid("arguments", more, format!("nothing after {FORM}"))),
        None => Ok(fields.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Fields, FieldError> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        fields(&Call { script: "outdlcreate".into(), channel: String::new(), arguments })
    }

    #[test]
    fn each_argument_becomes_its_field() {
        let all = read(&["d", "300::302", "Ann", "", "a@b.c", "k1", "A=1:B=x=y"]).unwrap();
        let expected = [
            ("DlmaUuid", "d"),
            ("Number1", "300"),
            ("Number3", "302"),
            ("Name", "Ann"),
            ("Email", "a@b.c"),
            ("UKey", "k1"),
            ("Variable", "A=1"),
            ("Variable", "B=x=y"),
        ];
        assert_eq!(all, expected.into_iter().collect());
        assert_eq!(read(&["d", "1"]).unwrap(), [("DlmaUuid", "d"), ("Number1", "1")].into_iter().collect());
    }

    #[test]
    fn what_is_too_little_or_too_much_is_refused_with_the_form() {
        for arguments in [&[][..], &["d"], &["d", "1", "", "", "", "", "", "x"], &["d", "1:2:3:4:5:6:7:8:9"]]
        {
            let error = read(arguments).unwrap_err().to_string();
            assert!(error.contains("allowed"), "{error}");
        }
    }
}
