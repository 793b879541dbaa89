//! An account's Stripe customer, against the AWS emulator.

use shared::aws::table::{Account, Table, keys};
use shared::values::{Attribution, Timestamp};

use crate::table::{DynamoDb, TABLE};

/// An update may return no more than what it changes: the role allows no other attribute of an account.
#[tokio::test]
async fn first_customer_and_its_attribution_stay() {
    let dynamodb = DynamoDb::start();
    let account = Account {
        id: "acc_1".to_owned(),
        handle: "acme".to_owned(),
        parent: Some("acc_0".to_owned()),
        customer: None,
        created_at: Timestamp::try_from(5).unwrap(),
    };
    let item = keys::account("acc_1").into_iter().chain(account.to_item()).collect();
    dynamodb.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    let table = Table::new(dynamodb.client.clone(), TABLE.to_owned());
    let attribution = |request: &str| Attribution {
        account: "acc_1".to_owned(),
        request_id: request.to_owned(),
        key_id: "key_1".to_owned(),
    };
    for request in ["first", "second"] {
        let first = table.first_customer_attribution(&attribution(request)).await.unwrap();
        assert_eq!((first.request_id.as_str(), first.key_id.as_str()), ("first", "key_1"));
    }
    for customer in ["cus_1", "cus_2"] {
        assert_eq!(table.link_customer("acc_1", customer, None).await.unwrap(), "cus_1");
    }
    assert_eq!(table.link_customer("acc_1", "cus_3", Some("cus_1")).await.unwrap(), "cus_3");
    let read = table.account("acc_1").await.unwrap().unwrap();
    assert_eq!(read, Account { customer: Some("cus_3".to_owned()), ..account });
}
