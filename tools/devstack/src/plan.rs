//! Steps of a stack's start, with all ports chosen.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use crate::about::{About, Account};
use crate::environment::{ALLOWED_ORIGINS, Environment, TABLE};
use crate::functions::FUNCTIONS;
use crate::gateway::{self, Functions, Gateway};
use crate::operator::Operator;
use crate::process::Processes;
use crate::seed::{self, Seeder};
use crate::stack::{Options, root};
use crate::state::State;
use crate::{Error, StripeChoice, ports, services};

/// URL of Stripe's API.
const STRIPE: &str = "https://api.stripe.com";

/// Options with all ports chosen.
pub(crate) struct Plan {
    pub(crate) options: Options,
    binaries: PathBuf,
    api_port: u16,
    lambda_port: u16,
    stripe_port: u16,
    aws_port: u16,
    moto_port: u16,
    console_port: Option<u16>,
    stripe_url: String,
    aws_url: String,
    moto_url: String,
    /// State to keep.
    state: Option<State>,
}

impl Plan {
    /// Chooses the ports and opens the kept state.
    pub(crate) fn new(options: Options) -> Result<Self, Error> {
        let api_port = ports::choose(options.ports.api, "API_PORT")?;
        let aws_port = ports::choose(options.ports.aws, "AWS_PORT")?;
        let moto_port = ports::choose(0, "AWS_PORT")?;
        let console_port = options.console.map(|port| ports::choose(port, "CONSOLE_PORT"));
        let (stripe_port, stripe_url) = match options.stripe {
            StripeChoice::Sandbox => {
                let port = ports::choose(options.ports.stripe, "STRIPE_PORT")?;
                (port, format!("http://127.0.0.1:{port}"))
            }
            StripeChoice::TestMode(_) => (0, STRIPE.to_owned()),
        };
        if options.keep && !matches!(options.stripe, StripeChoice::Sandbox) {
            return Err(Error::Keys(
                "KEEP=1 keeps the sandbox's state, so it cannot be used with STRIPE_SECRET_KEY. Unset one of them."
                    .to_owned(),
            ));
        }
        let state = options.keep.then(|| State::open(&options.local)).transpose()?;
        Ok(Self {
            binaries: gateway::binaries()?,
            aws_url: format!("http://127.0.0.1:{aws_port}"),
            moto_url: format!("http://127.0.0.1:{moto_port}"),
            options,
            state,
            api_port,
            lambda_port: ports::choose(0, "API_PORT")?,
            stripe_port,
            aws_port,
            moto_port,
            console_port: console_port.transpose()?,
            stripe_url,
        })
    }

    fn is_sandbox(&self) -> bool {
        matches!(self.options.stripe, StripeChoice::Sandbox)
    }

    /// Starts the AWS emulator on a thread of this process.
    pub(crate) fn start_aws(&self) -> Result<aws_emulator::Running, Error> {
        (self.options.progress)(&format!("starting the AWS emulator on {}", self.aws_url));
        // For the test that compares the functions' AWS calls with their roles.
        let recording =
            (self.options.functions == Functions::Prebuilt).then(|| self.options.local.aws_calls());
        let config = aws_emulator::Config {
            listen: SocketAddr::new(self.options.reach.host(), self.aws_port),
            tables: self.state.as_ref().map(State::tables),
            moto: Some(self.moto_url.clone()),
            recording,
        };
        let what = "the AWS emulator did not start";
        aws_emulator::start(config).map_err(|source| Error::System { what, source })
    }

    /// Starts moto, the example console, the sandbox and the gateway, without waiting for them.
    pub(crate) fn start_services(&self, processes: &mut Processes) -> Result<(), Error> {
        services::start_moto(processes, root(), self.moto_port)?;
        if let Some(port) = self.console_port {
            let program = self.binaries.join("console");
            services::start_console(processes, &program, port, &self.options.local.stack())?;
        }
        if self.is_sandbox() {
            (self.options.progress)(&format!(
                "starting Stripe (the sandbox) on {}",
                self.stripe_url
            ));
            let default = self.binaries.join("stripe-sandbox");
            services::start_sandbox(
                processes,
                self.options.sandbox.as_deref().unwrap_or(&default),
                SocketAddr::new(self.options.reach.host(), self.stripe_port),
                &self.options.stripe.keys(),
                self.state.as_ref().map(State::snapshot).as_deref(),
            )?;
        } else {
            (self.options.progress)("using Stripe's test mode with the key in STRIPE_SECRET_KEY");
        }
        if self.options.functions == Functions::Absent {
            return Ok(());
        }
        (self.options.progress)(&format!(
            "starting the functions (cargo-lambda) and their gateway on {}",
            self.api_url()
        ));
        self.gateway().start(processes)
    }

    /// Waits for moto and the sandbox, and creates the table, the secrets and the plans.
    pub(crate) async fn set_up(&self, processes: &mut Processes) -> Result<Operator, Error> {
        if self.is_sandbox() {
            processes
                .during(services::await_sandbox(&self.options.local, &self.stripe_url))
                .await?;
        }
        processes.during(services::await_moto(&self.options.local, &self.moto_url)).await?;
        (self.options.progress)(
            "creating the table, the secrets and the plan catalogue (billingctl)",
        );
        let operator = Operator {
            program: self.binaries.join("billingctl"),
            root: root().to_owned(),
            environment: self.environment(),
        };
        let keys = self.options.stripe.keys();
        let secrets = [
            ("STRIPE_READ_KEY", keys.read.as_str()),
            ("STRIPE_WRITE_KEY", keys.write.as_str()),
            ("STRIPE_PUBLISHABLE_KEY", keys.publishable.as_str()),
        ];
        let catalog = [
            ("STRIPE_SECRET_KEY", keys.secret.as_str()),
            ("STRIPE_API_BASE", self.stripe_url.as_str()),
        ];
        // Concurrently: one writes to AWS, the other to Stripe.
        let work =
            async { tokio::try_join!(operator.setup(&secrets), operator.apply_catalog(&catalog)) };
        processes.during(work).await?;
        Ok(operator)
    }

    /// Returns the kept accounts, or seeds new ones, and imports their development keys.
    pub(crate) async fn accounts(&self, operator: &Operator) -> Result<Vec<Account>, Error> {
        let kept = self.state.as_ref().map(State::accounts).transpose()?.flatten();
        let accounts = if let Some(accounts) = kept {
            accounts
        } else {
            let secret = self.options.stripe.keys().secret;
            Seeder::new(&self.stripe_url, &secret, operator.clone())?.seed().await?
        };
        seed::import_keys(operator, &accounts).await?;
        if let Some(state) = &self.state {
            // A snapshot before the accounts: the accounts' file completes the state.
            services::save_sandbox(&self.options.local, &self.stripe_url).await?;
            state.write_accounts(&accounts)?;
        }
        Ok(accounts)
    }

    /// Waits for cargo-lambda, starts the functions that it does not start itself, and serves the API.
    pub(crate) async fn start_functions(
        &self,
        processes: &mut Processes,
    ) -> Result<[JoinHandle<()>; 2], Error> {
        let gateway = self.gateway();
        processes.during(gateway.await_runtime_api()).await?;
        if self.options.functions == Functions::Prebuilt {
            gateway.start_prebuilt(processes)?;
        }
        let address = SocketAddr::new(self.options.reach.host(), self.api_port);
        gateway.serve(address).await
    }

    pub(crate) fn gateway(&self) -> Gateway {
        Gateway {
            root: root().to_owned(),
            binaries: self.binaries.clone(),
            port: self.lambda_port,
            api_url: self.api_url(),
            functions: self.options.functions,
            processes: self.options.processes,
            follow: self.options.follow,
            environment: self.environment(),
            local: self.options.local.clone(),
            progress: self.options.progress,
        }
    }

    fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    fn environment(&self) -> Environment {
        let rate = self.options.stripe_rate;
        Environment::new(&self.stripe_url, &self.aws_url, rate, &self.origins())
    }

    fn console_url(&self) -> Option<String> {
        self.console_port.map(|port| format!("http://localhost:{port}"))
    }

    /// Returns the origins of return URLs: first that of the example console, which can be one of the others.
    fn origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = self.console_url().into_iter().collect();
        origins.extend(ALLOWED_ORIGINS.map(str::to_owned));
        origins.dedup();
        origins
    }

    pub(crate) fn about(&self, accounts: Vec<Account>) -> About {
        let environment = self.environment();
        let of_function = FUNCTIONS.iter();
        let of_function =
            of_function.map(|function| (function.name.to_owned(), environment.process(function)));
        About {
            api_url: self.api_url(),
            console_url: self.console_url(),
            stripe_url: self.stripe_url.clone(),
            stripe_key: self.options.stripe.keys().secret,
            aws_url: self.aws_url.clone(),
            table: TABLE.to_owned(),
            allowed_origins: self.origins(),
            accounts,
            environment: of_function.collect(),
        }
    }
}
