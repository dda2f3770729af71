//! Schedule groups: create, read, delete, list, tag. The group `default` is always there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use state::Read;

use super::schedules::Schedule;
use super::{Schedules, timer};
use crate::Error;
use crate::constraint::{self, Tag};
use crate::resource::{self, Listing, Page, Resource};

pub(super) const DEFAULT: &str = "default";

/// A schedule group, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    pub name: String,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_ms: i64,
    pub modified_ms: i64,
}

impl Resource for Group {
    const KIND: &'static str = "schedule-group";
}

/// Input of `CreateScheduleGroup`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateScheduleGroup {
    pub name: String,
    /// Names are unique, so a repeat finds its group; the token is not needed.
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

impl Schedules {
    /// The ARN of a group.
    pub fn group_arn(&self, name: &str) -> String {
        let inner = &self.buses.inner;
        event::Arn::new("scheduler", &inner.region, &inner.account, format!("schedule-group/{name}")).to_string()
    }

    pub(super) fn create_default(&self) -> Result<(), Error> {
        let now_ms = self.buses.inner.clock.now_ms();
        self.buses.inner.state.write_blocking(move |tx| {
            if resource::get::<Group>(tx, "", DEFAULT)?.is_some() {
                return Ok(());
            }
            let group = Group { name: DEFAULT.into(), tags: BTreeMap::new(), created_ms: now_ms, modified_ms: now_ms };
            resource::put(tx, "", DEFAULT, &group)
        })
    }

    /// CreateScheduleGroup.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`.
    pub async fn create_group(&self, input: CreateScheduleGroup) -> Result<Group, Error> {
        constraint::name("name", &input.name, 64, "")?;
        let now_ms = self.buses.inner.clock.now_ms();
        let mut tags = BTreeMap::new();
        constraint::add_tags(&mut tags, &input.tags)?;
        let group = Group { name: input.name, tags, created_ms: now_ms, modified_ms: now_ms };
        self.buses
            .inner
            .state
            .write(move |tx| {
                if resource::get::<Group>(tx, "", &group.name)?.is_some() {
                    return Err(Error::Conflict(format!("Schedule group {} already exists.", group.name)));
                }
                resource::put(tx, "", &group.name, &group)?;
                Ok(group)
            })
            .await
    }

    /// GetScheduleGroup.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn group(&self, name: &str) -> Result<Group, Error> {
        let name = name.to_owned();
        self.buses.inner.state.read(move |tx| find(tx, &name)).await
    }

    /// DeleteScheduleGroup, with its schedules.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for the default group.
    pub async fn delete_group(&self, name: &str) -> Result<(), Error> {
        if name == DEFAULT {
            return Err(Error::Invalid("Cannot delete the default schedule group.".into()));
        }
        let name = name.to_owned();
        self.buses
            .inner
            .state
            .write(move |tx| {
                find(tx, &name)?;
                for schedule in resource::all::<Schedule>(tx, &name)? {
                    timer::clear::<Schedule>(tx, &name, &schedule.name)?;
                }
                resource::remove_all::<Schedule>(tx, &name)?;
                resource::remove::<Group>(tx, "", &name).map(|_| ())
            })
            .await
    }

    /// ListScheduleGroups.
    ///
    /// # Errors
    /// `Invalid` for a limit that is none.
    pub async fn list_groups(&self, page: Page) -> Result<Listing<Group>, Error> {
        self.buses.inner.state.read(move |tx| resource::list(tx, "", &page, |_: &Group| true)).await
    }

    /// Adds tags to a group, by its ARN.
    ///
    /// # Errors
    /// `NotFound`, `Limit` for too many.
    pub async fn tag(&self, arn: &str, added: Vec<Tag>) -> Result<(), Error> {
        self.change_tags(arn, move |tags| constraint::add_tags(tags, &added)).await
    }

    /// Removes tags of a group.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn untag(&self, arn: &str, keys: Vec<String>) -> Result<(), Error> {
        let remove = move |tags: &mut BTreeMap<String, String>| {
            tags.retain(|key, _| !keys.contains(key));
            Ok(())
        };
        self.change_tags(arn, remove).await
    }

    /// The tags of a group.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn tags(&self, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        Ok(self.group(&self.tagged(arn)?).await?.tags)
    }

    async fn change_tags(
        &self,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let name = self.tagged(arn)?;
        self.buses
            .inner
            .state
            .write(move |tx| {
                let mut group = find(tx, &name)?;
                change(&mut group.tags)?;
                resource::put(tx, "", &name, &group)
            })
            .await
    }

    fn tagged(&self, arn: &str) -> Result<String, Error> {
        let name = arn.split_once(":schedule-group/").map(|(_, name)| name.to_owned());
        name.filter(|name| self.group_arn(name) == arn)
            .ok_or_else(|| Error::NotFound(format!("Resource {arn} does not exist.")))
    }
}

pub(super) fn find(tx: &Read<'_>, name: &str) -> Result<Group, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| Error::NotFound(format!("Schedule group {name} does not exist.")))
}
