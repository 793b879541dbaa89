//! `setup`: the table and the secrets. What is there already stays as it is.

pub(crate) mod secrets;
pub(crate) mod table;

use serde::Serialize;

use crate::aws;
use crate::cli::{Global, Setup};
use crate::error::Result;
use crate::output::{columns, note};

/// What became of one thing that is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Created,
    Exists,
    Replaced,
    Missing,
}

impl Status {
    fn words(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "already there",
            Self::Replaced => "replaced",
            Self::Missing => "missing",
        }
    }
}

#[derive(Serialize)]
struct Named {
    name: String,
    status: Status,
}

#[derive(Serialize)]
struct Done {
    table: Named,
    secrets: Vec<Named>,
}

/// `setup`
pub(crate) async fn run(global: &Global, wanted: &Setup) -> Result<()> {
    // The keys are looked at first: a wrong one should not leave half a set-up behind.
    let given = secrets::Given::from_env()?;
    let sdk = aws::sdk().await?;
    let table = Named {
        name: global.table.clone(),
        status: table::ensure(&aws::table(&sdk, global)).await?,
    };
    let client = aws_sdk_secretsmanager::Client::new(&sdk);
    let done = Done { table, secrets: secrets::ensure(&client, global, wanted, &given).await? };
    let row = |kind: &str, thing: &Named| {
        [kind.to_owned(), thing.name.clone(), thing.status.words().to_owned()]
    };
    let mut rows = vec![row("table", &done.table)];
    rows.extend(done.secrets.iter().map(|secret| row("secret", secret)));
    if done.secrets.iter().all(|secret| secret.status != Status::Missing) {
        note("next: billingctl catalog apply, then billingctl accounts create --handle acme");
    }
    global.output().result(&done, columns(["KIND", "NAME", "STATUS"], &rows))
}
