use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{
    model::{Account, Entry, EntryKind},
    schema::{account_transactions, accounts},
};
use crate::platform::postgres::Connection;

/// A line of a statement, as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = account_transactions)]
pub struct AccountTransaction {
    pub id: i64,
    pub account_number: String,
    pub provider_payment_id: Option<String>,
    pub kind: EntryKind,
    pub amount_minor: i64,
    pub balance_minor: i64,
    pub held_minor: i64,
    pub created_at: DateTime<Utc>,
}

/// False when the number is taken.
pub async fn insert_account(conn: &mut Connection, account: &Account) -> QueryResult<bool> {
    let rows = diesel::insert_into(accounts::table)
        .values(account)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

pub async fn load_account(conn: &mut Connection, number: &str) -> QueryResult<Option<Account>> {
    accounts::table.find(number).select(Account::as_select()).first(conn).await.optional()
}

/// For the rest of the transaction. A payment's own row is always locked before its account's.
pub async fn lock_account(conn: &mut Connection, number: &str) -> QueryResult<Option<Account>> {
    let account = accounts::table.find(number).select(Account::as_select());
    account.for_update().first(conn).await.optional()
}

pub async fn save_account(
    conn: &mut Connection,
    account: &Account,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(accounts::table.find(&account.account_number))
        .set((
            accounts::balance_minor.eq(account.balance_minor),
            accounts::held_minor.eq(account.held_minor),
            accounts::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn insert_entries(
    conn: &mut Connection,
    account_number: &str,
    provider_payment_id: Option<&str>,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    use account_transactions as t;
    let rows = entries.iter().map(|entry| {
        (
            t::account_number.eq(account_number),
            t::provider_payment_id.eq(provider_payment_id),
            t::kind.eq(entry.kind),
            t::amount_minor.eq(entry.amount_minor),
            t::balance_minor.eq(entry.balance_minor),
            t::held_minor.eq(entry.held_minor),
            t::created_at.eq(now),
        )
    });
    diesel::insert_into(t::table).values(rows.collect::<Vec<_>>()).execute(conn).await?;
    Ok(())
}

/// Oldest first.
pub async fn list_transactions(
    conn: &mut Connection,
    account_number: &str,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<AccountTransaction>> {
    use account_transactions as t;
    t::table
        .filter(t::account_number.eq(account_number).and(t::id.gt(after)))
        .order(t::id)
        .limit(limit)
        .select(AccountTransaction::as_select())
        .load(conn)
        .await
}
