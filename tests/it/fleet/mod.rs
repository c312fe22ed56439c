//! Several replicas, as `compose.yaml` starts them: the first start, and the change to a new
//! version under load, behind the nginx configuration that is deployed.

mod crowd;
mod first_start;
mod nginx;
mod rolling;
