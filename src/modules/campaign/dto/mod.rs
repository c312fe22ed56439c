//! Campaigns as they go over the wire.

mod input;
mod list;
mod view;

pub use input::{CreateCampaign, NoBody, UpdateCampaign};
pub use list::ListQuery;
pub use view::CampaignView;
