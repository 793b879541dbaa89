//! Sandbox with a plan and a customer, set up over its API.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use stripe_sandbox::{Config, Running, Sandbox};

pub struct Shop {
    pub running: Running,
    pub price: String,
    pub customer: String,
}

impl Shop {
    pub fn new() -> Shop {
        let running = Sandbox::start(Config::default()).unwrap();
        let mut shop = Shop { running, price: String::new(), customer: String::new() };
        shop.shop("POST", "/_sandbox/portal_configuration", "");
        let product = shop.made("/v1/products", "name=Pro&description=For+teams");
        shop.price = shop.made(
            "/v1/prices",
            &format!("product={product}&currency=usd&unit_amount=3500&recurring[interval]=month"),
        );
        shop.customer = shop.made("/v1/customers", "email=ada@example.com&name=Ada+Lovelace");
        shop
    }

    pub fn post(&self, path: &str, form: &str) -> Value {
        self.shop("POST", path, form)
    }

    pub fn get(&self, path: &str) -> Value {
        self.shop("GET", path, "")
    }

    fn made(&self, path: &str, form: &str) -> String {
        self.post(path, form)["id"].as_str().expect("an id").to_owned()
    }

    /// Returns the URL of a checkout page that redirects to the sandbox's own first page.
    pub fn checkout(&self) -> String {
        let home = &self.running.url;
        let rate = self.made("/v1/tax_rates", "display_name=VAT&percentage=19&inclusive=false");
        let form = format!(
            "mode=subscription&customer={}&line_items[0][price]={}&line_items[0][quantity]=1\
             &subscription_data[default_tax_rates][0]={rate}\
             &success_url={home}/?paid={{CHECKOUT_SESSION_ID}}&cancel_url={home}/?cancelled",
            self.customer, self.price
        );
        self.post("/v1/checkout/sessions", &form)["url"].as_str().expect("a URL").to_owned()
    }

    /// Returns the URL of a checkout page that asks for an address, a tax ID and a promotion code.
    pub fn collecting_checkout(&self) -> String {
        let coupon = self.made("/v1/coupons", "percent_off=20&duration=once");
        let form = format!("promotion[type]=coupon&promotion[coupon]={coupon}&code=SUMMER");
        self.made("/v1/promotion_codes", &form);
        let form = format!(
            "mode=subscription&customer={}&line_items[0][price]={}&line_items[0][quantity]=1\
             &allow_promotion_codes=true&billing_address_collection=required\
             &tax_id_collection[enabled]=true&customer_update[name]=auto&success_url={}/",
            self.customer, self.price, self.running.url
        );
        self.post("/v1/checkout/sessions", &form)["url"].as_str().expect("a URL").to_owned()
    }

    pub fn portal(&self) -> String {
        let form = format!("customer={}&return_url={}/", self.customer, self.running.url);
        self.post("/v1/billing_portal/sessions", &form)["url"].as_str().expect("a URL").to_owned()
    }

    fn shop(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.running.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\nauthorization: Bearer sk_test_sandbox\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, json) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {response}");
        serde_json::from_str(json).unwrap()
    }
}
