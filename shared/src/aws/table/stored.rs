//! Stored reads: what Stripe returned for a GET, the generations that tell whether it still holds, and the watermark.
//!
//! All of it is disposable. Whatever is missing is read from Stripe again.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::Deserialize;

use super::client::{Item, Subject, Table, TableError, from_item, keys, number};

/// A counter that rises with every change of the subject at Stripe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Generation {
    /// The counter.
    #[serde(default)]
    pub number: i64,
    /// Its value after this API's own last change.
    #[serde(default)]
    pub written: i64,
}

/// How far all changes at Stripe are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watermark {
    /// Stripe's time, in Unix seconds, up to which every change has raised its generation. None before `follow` ran.
    #[serde(default)]
    pub followed_to: Option<i64>,
    /// Stripe's time at which events were missed last, in Unix seconds. No snapshot of another epoch holds.
    #[serde(default)]
    pub epoch: i64,
}

/// Responses of Stripe, as stored, with the generations that were read before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotItem {
    /// Generation of the subject.
    pub generation: i64,
    /// Generation of the catalog.
    pub catalog: i64,
    pub epoch: i64,
    /// Stripe's time of the newest response, in Unix seconds.
    pub at: i64,
    pub body: Vec<u8>,
}

/// The attributes of a snapshot.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    generation: i64,
    catalog_generation: i64,
    epoch: i64,
    read_at: i64,
}

/// The items of one GET.
#[derive(Clone, Debug, Default)]
pub struct StoredRead {
    pub customer: Generation,
    pub catalog: Generation,
    pub of_customer: Option<SnapshotItem>,
    pub of_catalog: Option<SnapshotItem>,
}

/// Longest time that a snapshot may serve while Stripe cannot be reached, in seconds.
pub const KEPT: i64 = 24 * 3_600;

impl Table {
    /// Reads the snapshots called `name` of a customer and of the catalog, and their generations, strongly consistent.
    ///
    /// # Errors
    /// [`TableError`], also if DynamoDB returns only a part of them.
    pub async fn stored_read(
        &self,
        customer: Option<&str>,
        name: &str,
    ) -> Result<StoredRead, TableError> {
        let subjects = customer.map(Subject::Customer).into_iter().chain([Subject::Catalog]);
        let wanted: Vec<Item> = subjects
            .flat_map(|subject| [keys::generation(subject), keys::snapshot(subject, name)])
            .collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true);
        let wanted = wanted.build().map_err(TableError::unreachable)?;
        let request = self.client.batch_get_item().request_items(&self.name, wanted);
        let response = request.send().await.map_err(TableError::unreachable)?;
        if response.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(TableError::Unreachable("DynamoDB left keys unprocessed".to_owned()));
        }
        let items = response.responses.and_then(|mut tables| tables.remove(&self.name));
        let mut items: HashMap<_, Item> = (items.unwrap_or_default().into_iter())
            .filter_map(|item| Some((key_of(&item)?, item)))
            .collect();
        let mut take = |key: Item| items.remove(&key_of(&key)?);
        let mut of = |subject| {
            let generation = take(keys::generation(subject));
            let generation = generation.map(|item| from_item("generation", item)).transpose()?;
            let snapshot = take(keys::snapshot(subject, name)).and_then(SnapshotItem::read);
            Ok::<_, TableError>((generation.unwrap_or_default(), snapshot))
        };
        let (catalog, of_catalog) = of(Subject::Catalog)?;
        let (customer, of_customer) =
            customer.map(|id| of(Subject::Customer(id))).transpose()?.unwrap_or_default();
        Ok(StoredRead { customer, catalog, of_customer, of_catalog })
    }

    /// Stores a snapshot unless there is one of later generations, or a newer one of the same.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn put_snapshot(
        &self,
        subject: Subject<'_>,
        name: &str,
        snapshot: SnapshotItem,
    ) -> Result<(), TableError> {
        let SnapshotItem { generation, catalog, epoch, at, body } = snapshot;
        let attributes = [
            ("generation", number(generation)),
            ("catalogGeneration", number(catalog)),
            ("epoch", number(epoch)),
            ("readAt", number(at)),
            ("ttl", number(at + KEPT)),
            ("body", AttributeValue::B(Blob::new(body))),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(keys::snapshot(subject, name).into_iter().chain(attributes).collect()))
            .condition_expression(
                "attribute_not_exists(pk) OR generation < :generation OR (generation = :generation AND \
                 (catalogGeneration < :catalog OR epoch < :epoch OR (catalogGeneration = :catalog AND readAt <= :at)))",
            )
            .expression_attribute_values(":catalog", number(catalog))
            .expression_attribute_values(":epoch", number(epoch))
            .expression_attribute_values(":generation", number(generation))
            .expression_attribute_values(":at", number(at));
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(()),
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(TableError::unreachable(error)),
        }
    }

    /// Raises the generation of the subject, because Stripe reported a change.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn raise_generation(&self, subject: Subject<'_>) -> Result<(), TableError> {
        self.raise(subject, "SET #number = if_not_exists(#number, :zero) + :one").await
    }

    /// Raises a customer's generation before or after a change of this API's own.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn raise_generation_of_write(&self, customer: &str) -> Result<(), TableError> {
        let set = "SET #number = if_not_exists(#number, :zero) + :one, written = if_not_exists(#number, :zero) + :one";
        self.raise(Subject::Customer(customer), set).await
    }

    async fn raise(&self, subject: Subject<'_>, set: &str) -> Result<(), TableError> {
        let update = self
            .update(keys::generation(subject))
            .update_expression(set)
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1));
        update.send().await.map(drop).map_err(TableError::unreachable)
    }

    /// Returns the watermark.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn watermark(&self) -> Result<Watermark, TableError> {
        let item = self.get(keys::watermark()).await?;
        item.map_or(Ok(Watermark::default()), |item| from_item("watermark", item))
    }

    /// Publishes that every change up to `time`, Stripe's in Unix seconds, has raised its generation. An earlier time
    /// than the published one changes nothing.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn publish_watermark(&self, time: i64) -> Result<(), TableError> {
        let update = self
            .update(keys::watermark())
            .update_expression("SET followedTo = :time")
            .condition_expression("attribute_not_exists(followedTo) OR followedTo < :time")
            .expression_attribute_values(":time", number(time));
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(()),
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(TableError::unreachable(error)),
        }
    }

    /// Ends the validity of every snapshot, because changes were missed. `time` is Stripe's in Unix seconds: an epoch
    /// never comes again, even if the item is lost.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn begin_epoch(&self, time: i64) -> Result<(), TableError> {
        let update = self
            .update(keys::watermark())
            .update_expression("SET epoch = :time")
            .expression_attribute_values(":time", number(time));
        update.send().await.map(drop).map_err(TableError::unreachable)
    }
}

impl SnapshotItem {
    /// Reads an item; `None` for one of another form, which counts as missing.
    fn read(mut item: Item) -> Option<Self> {
        let body = item.remove("body")?.as_b().ok()?.clone().into_inner();
        let Attributes { generation, catalog_generation: catalog, epoch, read_at: at } =
            from_item("snapshot", item).ok()?;
        Some(Self { generation, catalog, epoch, at, body })
    }
}

fn key_of(item: &Item) -> Option<(String, String)> {
    let part = |name| item.get(name)?.as_s().ok().cloned();
    Some((part("pk")?, part("sk")?))
}
