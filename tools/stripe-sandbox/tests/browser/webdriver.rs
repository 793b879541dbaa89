//! Minimal WebDriver client for Debian's chromedriver, over plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Starting a browser takes long on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Starts of chromedriver until one finds a port.
const DRIVER_STARTS: u32 = 5;

/// Key of an element's ID in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
];

/// Returns the path of an installed program.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Browser. Dropping it closes it.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: PathBuf,
}

impl Browser {
    /// Starts chromedriver on a free port and a browser with an empty profile below `folder`.
    pub fn start(driver: &Path, chromium: &Path, folder: &Path) -> Browser {
        let (child, port) = start_driver(driver);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let profile = folder.join(format!("profile-{}", child.id()));
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&text| text.to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "binary": chromium, "args": arguments });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let body = json!({ "capabilities": { "alwaysMatch": wanted } });
        let made = exchange(address, "POST", "/session", &body);
        let session = made["sessionId"].as_str().expect("a session").to_owned();
        Browser { driver: child, address, session, profile }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        exchange(self.address, method, &format!("/session/{}{path}", self.session), body)
    }

    pub fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    pub fn url(&self) -> String {
        self.call("GET", "/url", &Value::Null).as_str().expect("a URL").to_owned()
    }

    fn element(&self, css: &str) -> String {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.call("POST", "/element", &body);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {css}: {found}")).to_owned()
    }

    pub fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.call("POST", &format!("/element/{element}/clear"), &json!({}));
        self.call("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.call("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Returns the value of a JavaScript expression.
    pub fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call("POST", "/goog/cdp/execute", &body)
    }

    pub fn width(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        self.devtools("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
    }

    /// Takes a screenshot of the whole page.
    pub fn screenshot(&self, file: &Path) {
        let how = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.devtools("Page.captureScreenshot", &how);
        let data = taken["data"].as_str().expect("a picture");
        std::fs::write(file, decode(data)).expect("the picture is kept");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.call("DELETE", "", &Value::Null);
        // The driver can have exited already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Starts chromedriver on a free port. It looks for a port and then opens it, and exits if another program has taken
/// the port in between.
fn start_driver(driver: &Path) -> (Child, u16) {
    let mut output = String::new();
    for _ in 0..DRIVER_STARTS {
        let mut child = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        match port_of(&mut child) {
            Ok(port) => return (child, port),
            Err(printed) => output = printed,
        }
        child.wait().expect("chromedriver has exited");
    }
    panic!("chromedriver exited {DRIVER_STARTS} times; the last time it printed: {output}");
}

/// Reads the port from "ChromeDriver was started successfully on port 12345." Returns the output if that has none.
fn port_of(driver: &mut Child) -> Result<u16, String> {
    let out = driver.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(out).lines();
    let mut output = String::new();
    let port = lines.find_map(|line| {
        let line = line.expect("chromedriver says where it listens");
        output = format!("{output}{line}\n");
        let (_, port) = line.split_once("successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // Drains the output, so that the driver never blocks on a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    port.ok_or(output)
}

/// Sends one request on a new connection. Returns the response's `value`.
fn exchange(address: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address).expect("chromedriver listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a time-out can be set");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the request goes out");
    stream.write_all(body.as_bytes()).expect("the request goes out");
    // The driver ignores `connection: close`, so the length determines the end.
    let mut response = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while response.read_line(&mut line).expect("a response arrives") > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut json = vec![0; length];
    response.read_exact(&mut json).expect("a complete response arrives");
    let mut response: Value =
        serde_json::from_slice(&json).expect("chromedriver responds with JSON");
    response["value"].take()
}

fn decode(base64: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(base64).expect("base64")
}
