//! AWS in memory, under the real SDK: an HTTP client of its kind that knows the table and the secrets.

use std::fmt;
use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::table::Table;

#[derive(Clone)]
pub(crate) struct Amazon {
    pub(crate) table: Arc<Table>,
    /// What a secret holds, by its id.
    pub(crate) secret: fn(&str) -> Value,
}

impl fmt::Debug for Amazon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Amazon")
    }
}

impl Amazon {
    /// The clients' settings; time-outs and retries are those of the functions.
    pub(crate) fn config(self) -> SdkConfig {
        let credentials = Credentials::new("k", "s", None, None, "test");
        SdkConfig::builder()
            .timeout_config(shared::aws::sdk::timeouts())
            .retry_config(shared::aws::sdk::retries())
            .http_client(self)
            .endpoint_url("http://aws.test")
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .behavior_version(BehaviorVersion::latest())
            .build()
    }

    fn answer(&self, request: &HttpRequest) -> (u16, Value) {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).expect("JSON");
        match target.split_once('.') {
            Some(("secretsmanager", "GetSecretValue")) => {
                let id = body["SecretId"].as_str().unwrap_or_default();
                let text = (self.secret)(id).to_string();
                (200, json!({ "ARN": id, "Name": id, "SecretString": text }))
            }
            Some(("DynamoDB_20120810", call)) => self.table.answer(call, &body),
            _ => panic!("not imitated: {target}"),
        }
    }
}

impl HttpConnector for Amazon {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let amazon = self.clone();
        HttpConnectorFuture::new(async move {
            // On its way there, and on its way back: in between it can be given up.
            tokio::task::yield_now().await;
            let (status, body) = amazon.answer(&request);
            tokio::task::yield_now().await;
            let status = StatusCode::try_from(status).expect("a status");
            let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

impl HttpClient for Amazon {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
