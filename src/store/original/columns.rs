//! Which column of the original's tables becomes which field of a request.

use crate::model::number::NumberIndex;

pub(super) const PLAN: [(&str, &str); 13] = [
    ("Name", "name"),
    ("Detail", "detail"),
    ("DialMode", "dial_mode"),
    ("DialTimeout", "dial_timeout"),
    ("CallerId", "caller_id"),
    ("DlEndHandle", "dl_end_handle"),
    ("RetryDelay", "retry_delay"),
    ("TrunkName", "trunk_name"),
    ("TechName", "tech_name"),
    ("ServiceLevel", "service_level"),
    ("EarlyMedia", "early_media"),
    ("Codecs", "codecs"),
    ("UuiField", "uui_field"),
];
pub(super) const DESTINATION: [(&str, &str); 8] = [
    ("Name", "name"),
    ("Detail", "detail"),
    ("Type", "type"),
    ("Exten", "exten"),
    ("Context", "context"),
    ("Priority", "priority"),
    ("Application", "application"),
    ("Data", "data"),
];
pub(super) const CAMPAIGN: [(&str, &str); 13] = [
    ("Name", "name"),
    ("Detail", "detail"),
    ("Plan", "plan"),
    ("Dlma", "dlma"),
    ("Dest", "dest"),
    ("ScMode", "sc_mode"),
    ("ScDateStart", "sc_date_start"),
    ("ScDateEnd", "sc_date_end"),
    ("ScDateList", "sc_date_list"),
    ("ScDateListExcept", "sc_date_list_except"),
    ("ScTimeStart", "sc_time_start"),
    ("ScTimeEnd", "sc_time_end"),
    ("ScDayList", "sc_day_list"),
];
pub(super) const DL: [(&str, &str); 5] =
    [("Name", "name"), ("Detail", "detail"), ("UKey", "ukey"), ("UData", "udata"), ("Email", "email")];

/// Those of each of a contact's numbers.
pub(super) fn eight(field: &str, column: &str) -> Vec<(String, String)> {
    NumberIndex::all().map(|index| (format!("{field}{index}"), format!("{column}{index}"))).collect()
}
