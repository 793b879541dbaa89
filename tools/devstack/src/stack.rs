//! Starts and stops a stack.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use aws_emulator::DynamoDb;
use tokio::task::JoinHandle;

use crate::about::{About, Account};
use crate::environment::Variables;
use crate::functions::Function;
use crate::gateway::{Functions, process_name};
use crate::local::Local;
use crate::operator::Operator;
use crate::plan::Plan;
use crate::process::Processes;
use crate::{Error, StripeChoice, seed};

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
    pub(crate) fn host(self) -> IpAddr {
        match self {
            Self::Machine => Ipv4Addr::LOCALHOST.into(),
            Self::Network => Ipv4Addr::UNSPECIFIED.into(),
        }
    }
}

/// Largest number of processes of one function.
pub const MAX_PROCESSES: u8 = 4;

/// More requests a second than a stack sends: the sandbox has no limit unless a test sets one.
pub(crate) const NO_RATE: u32 = 10_000;

/// Options of a stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for logs and the description.
    pub local: Local,
    pub ports: Ports,
    /// Port of the example console; 0 chooses a free one. `None` starts none.
    pub console: Option<u16>,
    pub stripe: StripeChoice,
    pub functions: Functions,
    /// Number of processes of each function, at most [`MAX_PROCESSES`].
    pub processes: u8,
    /// Whether Stripe's events are followed. Without, GETs show changes that were not made through the API up to two
    /// minutes late.
    pub follow: bool,
    /// Requests a second that the functions send to Stripe at most.
    pub stripe_rate: u32,
    pub reach: Reach,
    /// Stripe sandbox, in place of the one in this program's folder.
    pub sandbox: Option<PathBuf>,
    /// Keep the state of the sandbox and of DynamoDB for the next stack in the folder that keeps it.
    pub keep: bool,
    /// Called with a line for each step.
    pub progress: fn(&str),
}

impl Options {
    /// Returns the options of a fresh stack on this machine with the sandbox, and with one process of each function, whose
    /// programs were built before.
    #[must_use]
    pub fn prebuilt(local: Local) -> Self {
        Self {
            local,
            ports: Ports::default(),
            console: None,
            stripe: StripeChoice::Sandbox,
            functions: Functions::Prebuilt,
            processes: 1,
            follow: false,
            stripe_rate: NO_RATE,
            reach: Reach::Machine,
            sandbox: None,
            keep: false,
            progress: |_| (),
        }
    }
}

/// Running stack. Dropping this stops all its processes.
pub struct Stack {
    about: About,
    operator: Operator,
    failing: Vec<String>,
    processes: Processes,
    // Dropped after the processes, which use it.
    aws: aws_emulator::Running,
    /// Tasks that serve the API, look for compile errors, and follow Stripe's events.
    tasks: Vec<JoinHandle<()>>,
}

impl Stack {
    /// Starts and seeds the stack, and waits until every endpoint responds.
    ///
    /// # Errors
    /// [`Error`]. All started processes have ended by then.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let plan = Plan::new(options)?;
        let aws = plan.start_aws()?;
        let mut processes = Processes::new(plan.options.local.clone())?;
        plan.start_services(&mut processes)?;
        let operator = Box::pin(plan.set_up(&mut processes)).await?;
        if plan.options.functions == Functions::Absent {
            let accounts = processes.during(Box::pin(plan.accounts(&operator))).await?;
            let (about, failing) = (plan.about(accounts), Vec::new());
            return Ok(Self { about, operator, failing, processes, aws, tasks: Vec::new() });
        }
        let mut tasks = Vec::from(plan.start_functions(&mut processes).await?);
        (plan.options.progress)("preparing the accounts, starting the functions");
        let gateway = plan.gateway();
        let work =
            async { tokio::try_join!(Box::pin(plan.accounts(&operator)), gateway.warm_up()) };
        let (accounts, ()) = processes.during(work).await?;
        let about = plan.about(accounts);
        let key = about.account("fresh").map_or("", |account| account.keys.read.as_str());
        let failing = processes.during(gateway.failing(key)).await?;
        if plan.options.follow {
            tasks.push(gateway.follow());
        }
        Ok(Self { about, operator, failing, processes, aws, tasks })
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
        seed::create_account(&self.operator, handle, customer).await
    }

    /// Returns DynamoDB's tables.
    #[must_use]
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.aws.dynamodb
    }

    /// Returns a line for each endpoint that responded with a 5xx when the stack had started.
    #[must_use]
    pub fn failing(&self) -> &[String] {
        &self.failing
    }

    /// Kills a process of a function, as if its machine had failed, and starts it again. The gateway never responds to
    /// the request that the process was handling.
    ///
    /// # Errors
    /// [`Error`] if there is no such process, or it does not start.
    pub fn replace_process(&mut self, function: &Function, number: u8) -> Result<(), Error> {
        self.processes.replace(&process_name(function, number))
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
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Returns the workspace's folder: the one that this program was started in, since several checkouts can share a folder
/// of built programs, or else the one that it was built in.
#[must_use]
pub(crate) fn root() -> &'static Path {
    static ROOT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    ROOT.get_or_init(|| {
        let started = std::env::current_dir().unwrap_or_default();
        let is_root = |folder: &&Path| folder.join("tools/devstack/Cargo.toml").exists();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = here.ancestors().nth(2).unwrap_or(here);
        started.ancestors().find(is_root).unwrap_or(built).to_owned()
    })
}
