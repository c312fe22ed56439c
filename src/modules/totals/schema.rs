//! The tables of this module, as they were migrated. Written by a test:
//! `UPDATE_SCHEMA=1 cargo test --test it schema::`.

diesel::table! {
    totals.campaign_totals (campaign_id) {
        campaign_id -> Uuid,
        currency -> Text,
        goal_minor -> Int8,
        pledged_minor -> Int8,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        disputed_minor -> Int8,
        donation_count -> Int8,
        donor_count -> Int8,
        published -> Bool,
        campaign_version -> Int8,
        version -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    totals.contribution (payment_id) {
        payment_id -> Uuid,
        campaign_id -> Uuid,
        pledge_id -> Uuid,
        version -> Int8,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        disputed_minor -> Int8,
    }
}

diesel::table! {
    totals.donor (campaign_id, donor_hash) {
        campaign_id -> Uuid,
        donor_hash -> Bytea,
    }
}

diesel::table! {
    totals.gift (pledge_id) {
        pledge_id -> Uuid,
        campaign_id -> Uuid,
    }
}

diesel::table! {
    totals.pledge_contribution (pledge_id) {
        pledge_id -> Uuid,
        campaign_id -> Uuid,
        version -> Int8,
        counted_minor -> Int8,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    campaign_totals,
    contribution,
    donor,
    gift,
    pledge_contribution,
);
