//! DynamoDB and Secrets Manager in memory, as an HTTP client of the AWS SDK.

use std::fmt;
use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_emulator::Response;
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
pub(crate) struct AwsEmulator {
    pub(crate) table: Arc<Table>,
    /// Returns the content of a secret by its ID.
    pub(crate) secret: fn(&str) -> Value,
}

impl fmt::Debug for AwsEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsEmulator")
    }
}

impl AwsEmulator {
    /// Returns the configuration of the SDK's clients, with the functions' timeouts and retries.
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

    fn respond(&self, request: &HttpRequest) -> Response {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        match target.split_once('.') {
            Some(("secretsmanager", "GetSecretValue")) => {
                let body: Value = serde_json::from_slice(body).expect("JSON");
                let id = body["SecretId"].as_str().unwrap_or_default();
                let text = (self.secret)(id).to_string();
                let body = json!({ "ARN": id, "Name": id, "SecretString": text });
                Response { status: 200, body: body.to_string() }
            }
            Some(("DynamoDB_20120810", operation)) => self.table.respond(operation, body),
            _ => panic!("not supported: {target}"),
        }
    }
}

impl HttpConnector for AwsEmulator {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let emulator = self.clone();
        HttpConnectorFuture::new(async move {
            // The caller can be dropped before and after the call takes effect.
            tokio::task::yield_now().await;
            let Response { status, body } = emulator.respond(&request);
            tokio::task::yield_now().await;
            let status = StatusCode::try_from(status).expect("a status");
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

impl HttpClient for AwsEmulator {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
