//! Campaigns by what is asked for often, so that nothing has to look through all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::campaign::Campaign;
use crate::model::ids::{CampaignUuid, DlmaUuid};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roster {
    by_list: BTreeMap<DlmaUuid, BTreeSet<CampaignUuid>>,
    scheduled: BTreeSet<CampaignUuid>,
}

impl Roster {
    /// A campaign is there with this record.
    pub(super) fn enter(&mut self, campaign: &Campaign) {
        if let Some(list) = campaign.dlma {
            self.by_list.entry(list).or_default().insert(campaign.uuid);
        }
        if campaign.schedule.is_on() {
            self.scheduled.insert(campaign.uuid);
        }
    }

    /// It is no longer there, or with another record.
    pub(super) fn leave(&mut self, campaign: &Campaign) {
        if let Some(list) = campaign.dlma
            && let Some(campaigns) = self.by_list.get_mut(&list)
        {
            campaigns.remove(&campaign.uuid);
            if campaigns.is_empty() {
                self.by_list.remove(&list);
            }
        }
        self.scheduled.remove(&campaign.uuid);
    }

    /// The campaigns that dial that list.
    pub(super) fn of_list(&self, list: DlmaUuid) -> impl Iterator<Item = CampaignUuid> {
        self.by_list.get(&list).into_iter().flatten().copied()
    }

    /// Those that have a schedule.
    pub(super) fn scheduled(&self) -> impl Iterator<Item = CampaignUuid> {
        self.scheduled.iter().copied()
    }
}
