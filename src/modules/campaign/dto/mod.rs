//! Campaigns as they go over the wire.

mod input;
mod list;
mod view;

pub use input::{CreateCampaign, NoBody, UpdateCampaign};
pub use list::{ListQuery, Sort};
pub use view::CampaignView;
