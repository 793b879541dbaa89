//! Starts and stops a stack.

use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;

use crate::about::{About, Account};
use crate::environment::{ALLOWED_ORIGINS, Environment, TABLE, Variables};
use crate::functions::FUNCTIONS;
use crate::gateway::{self, Functions, Gateway};
use crate::local::Local;
use crate::operator::Operator;
use crate::process::Processes;
use crate::seed::{self, Seeder, create_event_keys};
use crate::{Error, StripeChoice, ports, services};

/// URL of Stripe's API.
const STRIPE: &str = "https://api.stripe.com";

/// Ports to listen on; 0 chooses a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub api: u16,
    pub stripe: u16,
    pub aws: u16,
}

/// Address that the Stripe sandbox and the AWS emulator listen on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Reach {
    /// Loopback: only programs on this machine can connect.
    #[default]
    Machine,
    /// All interfaces: containers (for `sam local`) and this machine's network can connect.
    Network,
}

impl Reach {
    fn host(self) -> &'static str {
        match self {
            Self::Machine => "127.0.0.1",
            Self::Network => "0.0.0.0",
        }
    }
}

/// Programs to run in place of the default sandbox and emulator.
#[derive(Clone, Debug, Default)]
pub struct ServicePrograms {
    /// Stripe sandbox, in place of the one in this program's folder.
    pub sandbox: Option<PathBuf>,
    /// Python program with moto's arguments, in place of `moto_server`.
    pub aws: Option<PathBuf>,
}

/// Options of a stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for logs and the description.
    pub local: Local,
    pub ports: Ports,
    pub stripe: StripeChoice,
    pub functions: Functions,
    pub reach: Reach,
    pub programs: ServicePrograms,
    /// Called with a line for each step.
    pub progress: fn(&str),
}

/// Running stack. Dropping this stops all its processes.
pub struct Stack {
    about: About,
    operator: Operator,
    failing: Vec<String>,
    processes: Processes,
    /// Task that serves the API.
    api: Option<JoinHandle<()>>,
}

impl Stack {
    /// Starts and seeds the stack, and waits until every endpoint responds.
    ///
    /// # Errors
    /// [`Error`]. All started processes have ended by then.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let plan = Plan::new(options)?;
        let mut processes = Processes::new(plan.options.local.clone())?;
        plan.start_services(&mut processes)?;
        let operator = Box::pin(plan.set_up(&mut processes)).await?;
        let secret = plan.options.stripe.keys().secret;
        let seeder = Seeder::new(&plan.stripe_url, &secret, operator.clone())?;
        if plan.options.functions == Functions::Absent {
            let accounts = processes.during(Box::pin(seeder.seed())).await?;
            let about = plan.about(accounts);
            return Ok(Self { about, operator, failing: Vec::new(), processes, api: None });
        }
        let api = Some(plan.start_functions(&mut processes).await?);
        (plan.options.progress)("seeding the accounts, starting the functions");
        let gateway = plan.gateway();
        let work = async { tokio::try_join!(Box::pin(seeder.seed()), gateway.warm_up()) };
        let (accounts, ()) = processes.during(work).await?;
        let about = plan.about(accounts);
        processes.during(Box::pin(create_event_keys(&about))).await?;
        let key = about.account("fresh").map_or("", |account| account.keys.read.as_str());
        let failing = processes.during(gateway.failing(key)).await?;
        Ok(Self { about, operator, failing, processes, api })
    }

    /// Returns the stack's addresses, accounts and keys.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns the variables that connect `billingctl` to this stack.
    #[must_use]
    pub fn operator_environment(&self) -> &Variables {
        self.operator.environment.common()
    }

    /// Creates another account with a key for each scope.
    ///
    /// # Errors
    /// [`Error::Command`], for example if the handle is taken.
    pub async fn create_account(
        &self,
        handle: &str,
        customer: Option<&str>,
    ) -> Result<Account, Error> {
        seed::create_account(&self.operator, handle, customer, None).await
    }

    /// Returns a line for each endpoint that responded with a 5xx when the stack had started.
    #[must_use]
    pub fn failing(&self) -> &[String] {
        &self.failing
    }

    /// Checks that all processes run.
    ///
    /// # Errors
    /// [`Error::Died`] with the last lines of the log.
    pub fn check(&mut self) -> Result<(), Error> {
        self.processes.check()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(task) = &self.api {
            task.abort();
        }
    }
}

/// Returns the workspace's folder.
#[must_use]
pub(crate) fn root() -> &'static Path {
    static ROOT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here).to_owned()
    })
}

/// Options with all ports chosen.
struct Plan {
    options: Options,
    binaries: PathBuf,
    api_port: u16,
    lambda_port: u16,
    stripe_port: u16,
    aws_port: u16,
    stripe_url: String,
    aws_url: String,
}

impl Plan {
    fn new(options: Options) -> Result<Self, Error> {
        let api_port = ports::choose(options.ports.api, "API_PORT")?;
        let aws_port = ports::choose(options.ports.aws, "AWS_PORT")?;
        let (stripe_port, stripe_url) = match options.stripe {
            StripeChoice::Sandbox => {
                let port = ports::choose(options.ports.stripe, "STRIPE_PORT")?;
                (port, format!("http://127.0.0.1:{port}"))
            }
            StripeChoice::TestMode(_) => (0, STRIPE.to_owned()),
        };
        let aws_url = format!("http://127.0.0.1:{aws_port}");
        Ok(Self {
            binaries: gateway::binaries()?,
            options,
            api_port,
            lambda_port: ports::choose(0, "")?,
            stripe_port,
            aws_port,
            stripe_url,
            aws_url,
        })
    }

    fn is_sandbox(&self) -> bool {
        matches!(self.options.stripe, StripeChoice::Sandbox)
    }

    fn start_services(&self, processes: &mut Processes) -> Result<(), Error> {
        let host = self.options.reach.host();
        (self.options.progress)(&format!(
            "starting DynamoDB and Secrets Manager (moto) on {}",
            self.aws_url
        ));
        // For the test that compares the functions' AWS calls with their roles.
        let recording =
            (self.options.functions == Functions::Prebuilt).then(|| self.options.local.aws_calls());
        let address = (host, self.aws_port);
        let program = self.options.programs.aws.as_deref();
        services::start_aws(processes, root(), address, program, recording.as_deref())?;
        if self.is_sandbox() {
            (self.options.progress)(&format!(
                "starting Stripe (the sandbox) on {}",
                self.stripe_url
            ));
            let default = self.binaries.join("stripe-sandbox");
            services::start_sandbox(
                processes,
                self.options.programs.sandbox.as_deref().unwrap_or(&default),
                (host, self.stripe_port),
                &self.options.stripe.keys(),
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

    async fn set_up(&self, processes: &mut Processes) -> Result<Operator, Error> {
        if self.is_sandbox() {
            processes
                .during(services::await_sandbox(&self.options.local, &self.stripe_url))
                .await?;
        }
        processes.during(services::await_aws(&self.options.local, &self.aws_url)).await?;
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

    async fn start_functions(&self, processes: &mut Processes) -> Result<JoinHandle<()>, Error> {
        let gateway = self.gateway();
        processes.during(gateway.await_runtime_api()).await?;
        if self.options.functions == Functions::Prebuilt {
            gateway.start_prebuilt(processes)?;
        }
        gateway.serve(self.options.reach.host(), self.api_port).await
    }

    fn gateway(&self) -> Gateway {
        Gateway {
            root: root().to_owned(),
            binaries: self.binaries.clone(),
            port: self.lambda_port,
            api_url: self.api_url(),
            functions: self.options.functions,
            environment: self.environment(),
            local: self.options.local.clone(),
            progress: self.options.progress,
        }
    }

    fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    fn environment(&self) -> Environment {
        Environment::new(&self.stripe_url, &self.aws_url)
    }

    fn about(&self, accounts: Vec<Account>) -> About {
        let environment = self.environment();
        let of_function = FUNCTIONS.iter();
        let of_function =
            of_function.map(|function| (function.name.to_owned(), environment.process(function)));
        About {
            api_url: self.api_url(),
            stripe_url: self.stripe_url.clone(),
            stripe_key: self.options.stripe.keys().secret,
            aws_url: self.aws_url.clone(),
            table: TABLE.to_owned(),
            allowed_origins: ALLOWED_ORIGINS.map(str::to_owned).into(),
            accounts,
            environment: of_function.collect(),
        }
    }
}
