//! How far a campaign has come with its list.

use super::ids::CampaignUuid;

/// What OutCampaignStatShow shows: contacts of the campaign's list, counted under the campaign's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignStat {
    /// The campaign.
    pub uuid: CampaignUuid,
    /// All contacts of the list.
    pub total: u64,
    /// Those that are answered, or have no try left and are not being dialled.
    pub finished: u64,
    /// Those that wait with a try left, due or not.
    pub available: u64,
    /// Those that are being dialled.
    pub dialing: u64,
    /// Those that have a try left and wait for a person to decide.
    pub held: u64,
    /// Those that were tried at least once.
    pub called: u64,
}
