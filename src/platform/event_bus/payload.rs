//! What an event says, as JSON text: it is read once, by the type that its reader knows.

use std::io::Write;

use diesel::{
    QueryResult,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    result::Error::SerializationError,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Jsonb,
};
use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::Value;

/// How Postgres marks the form in which it sends and takes `jsonb`: this byte, then JSON text.
const JSONB_VERSION: u8 = 1;

/// A JSON object, as text.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct Payload(String);

impl Payload {
    /// # Errors
    /// Of serialization, as a statement would have them.
    pub fn of(facts: &impl Serialize) -> QueryResult<Self> {
        serde_json::to_string(facts).map(Self).map_err(|error| SerializationError(Box::new(error)))
    }

    /// # Errors
    /// When it is not of this shape.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(&self.0)
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read::<Value>().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl FromSql<Jsonb, Pg> for Payload {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [JSONB_VERSION, text @ ..] => Ok(Self(str::from_utf8(text)?.to_owned())),
            _ => Err("this is no jsonb of version 1".into()),
        }
    }
}

impl ToSql<Jsonb, Pg> for Payload {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
