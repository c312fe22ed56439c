//! The OpenAPI document, made from the routes themselves.

use actix_web::{App, web};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_actix_web::{AppExt, scope, service_config::ServiceConfig};

use crate::{
    modules::{admin, auth, campaign, payment, pledge, sandbox, totals},
    platform::http::{self, describe_problems, name_page_items},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CareForAll",
        description = "Donations that are neither lost nor charged twice.\n\nErrors are `application/problem+json` (RFC 9457); `type` leads to a page that explains the code. Money is an integer count of the currency's minor unit. Requests that create or move money need an `Idempotency-Key`: send the same key when you repeat a request."
    ),
    components(schemas(http::ProblemSchema, crate::kernel::problem::FieldError)),
    modifiers(&Bearer),
    tags(
        (name = "auth", description = "Accounts and sessions"),
        (name = "campaigns", description = "What is collected for"),
        (name = "pledges", description = "Promises to give"),
        (name = "payments", description = "Pledges made good"),
        (name = "totals", description = "How much came together"),
        (name = "webhooks", description = "For payment providers"),
        (name = "sandbox", description = "A simulated bank, for development only"),
        (name = "admin", description = "For administrators"),
        (name = "operations", description = "For whoever runs it"),
    )
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token, the guest token of a pledge, or an API key"))
            .build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        }
    }
}

/// The document, with the sandbox's routes or without.
///
/// # Errors
/// When a route names a problem code that does not exist.
pub fn document(with_sandbox: bool) -> anyhow::Result<utoipa::openapi::OpenApi> {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(|config| routes(config, with_sandbox))
        .split_for_parts();
    if let Some(tags) = document.tags.as_mut().filter(|_| !with_sandbox) {
        tags.retain(|tag| tag.name != "sandbox");
    }
    describe_problems(&mut document)?;
    name_page_items(&mut document);
    Ok(document)
}

/// Mounts all routes; their document is made by [`document`].
pub fn mount(config: &mut web::ServiceConfig, with_sandbox: bool) {
    routes(&mut ServiceConfig::new(config), with_sandbox);
}

fn routes(config: &mut ServiceConfig, with_sandbox: bool) {
    // paths are matched in this order: the hot ones first
    config
        .service(scope("/api/v1").configure(|api| {
            totals::configure(api);
            pledge::configure(api);
            payment::configure(api);
            campaign::configure(api);
            auth::configure(api);
            admin::configure(api);
            if with_sandbox {
                sandbox::configure(api);
            }
        }))
        .configure(http::configure_health)
        .service(http::get_problem)
        .service(auth::get_jwks);
}
