//! Who sees what of a pledge and its payment.

use serde_json::{Value, json};

use crate::support::{
    Client,
    donation::{Campaign, builder, sign_up, sign_up_admin},
};

async fn seen(client: &Client, path: &str, token: Option<&str>) -> (u16, Value) {
    let request = client.get(path);
    let request = match token {
        Some(token) => request.bearer(token),
        None => request,
    };
    let answer = request.send().await;
    if answer.status == 404 {
        assert_eq!(answer.body["code"], "not-found");
    }
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_is_shown_to_those_it_concerns() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let guest = campaign.pledge(&client, 100).await;
    let (ada, stranger) = (sign_up(&client).await, sign_up(&client).await);
    let user = campaign.pledge_by(&client, &ada, 100).await;
    let admin = sign_up_admin(&client, &server.database().url()).await;
    let (owner, g) = (campaign.owner.as_str(), guest.token.as_str());
    // who, then whether the guest's and the user's pledge are shown, and with the e-mail
    let (no, thin, whole) = ((404, false), (200, false), (200, true));
    for (who, token, guests, users) in [
        ("anonymous", None, no, no),
        ("the guest", Some(g), whole, no),
        ("the user", Some(ada.as_str()), no, whole),
        ("another user", Some(stranger.as_str()), no, no),
        ("the owner", Some(owner), thin, thin),
        ("an administrator", Some(admin.as_str()), whole, whole),
    ] {
        for (pledge, expected) in [(&guest, guests), (&user, users)] {
            let path = format!("/api/v1/pledges/{}", pledge.id);
            let (status, body) = seen(&client, &path, token).await;
            let email = body["donor_email"].is_string();
            assert_eq!((status, email), expected, "{who}: {body}");
            assert_eq!(body["guest_token"], Value::Null);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_shown_to_those_it_concerns_and_its_secret_to_its_donor() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    let other = campaign.pledge(&client, 100).await;
    let payment = pledge.begin_payment(&client).await;
    let stranger = sign_up(&client).await;
    let admin = sign_up_admin(&client, &server.database().url()).await;
    let (no, thin, whole) = ((404, false), (200, false), (200, true));
    for (who, token, expected) in [
        ("anonymous", None, no),
        ("the guest", Some(&pledge.token), whole),
        ("another guest", Some(&other.token), no),
        ("another user", Some(&stranger), no),
        ("the owner", Some(&campaign.owner), thin),
        ("an administrator", Some(&admin), thin),
    ] {
        let token = token.map(String::as_str);
        let (status, body) = seen(&client, &payment.path(), token).await;
        assert_eq!((status, body["client_secret"].is_string()), expected, "{who}: {body}");
        let history = format!("{}/history", payment.path());
        assert_eq!(seen(&client, &history, token).await.0, expected.0, "{who}");
    }
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    assert_eq!(payment.read(&client).await["client_secret"], Value::Null);
    assert_eq!(pledge.read(&client).await["payment_id"], json!(payment.id));
}
