//! What goes over the wire.

mod acts;
mod books;
mod queries;
mod refunds;
mod views;

pub use acts::{Reason, RefreshRequest, RoleChange};
pub use books::{DashboardBody, RefreshBody};
pub use queries::{
    AuditQuery, CampaignsQuery, LettersQuery, PaymentState, PaymentsQuery, PledgeState,
    PledgesQuery, UserStatus, UsersQuery, WebhookState, WebhooksQuery, sane,
};
pub use refunds::RefundRunBody;
pub use views::{AdminUserBody, AuditRecordBody, DeadLetterBody, ReplayedBody, WebhookEventBody};
