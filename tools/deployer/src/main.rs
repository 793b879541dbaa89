//! `deployer`: command line of this crate, for the deployment workflow and scripts.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use deployer::compose::{Release, Shift};
use deployer::{Error, Template, changes, input};

/// Finds changed functions, and composes what a deployment sends to CloudFormation
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the names of the functions that have changed since a commit
    Changes {
        /// Commit of the packages that exist
        #[arg(long)]
        since: String,
        /// Folder of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Write the template and the parameters of a deployment
    Compose(ComposeArgs),
    /// Print method and path of functions, one line each
    Routes {
        /// Names of the functions; all if none is given
        functions: Vec<String>,
        /// Path of the template
        #[arg(long, default_value = "template.yaml")]
        template: PathBuf,
    },
}

#[derive(Args)]
struct ComposeArgs {
    /// Template; the deployed one if it is not given
    #[arg(long)]
    template: Option<PathBuf>,
    /// Output of `aws cloudformation get-template`; not given for a new stack
    #[arg(long)]
    deployed: Option<PathBuf>,
    /// Output of `aws cloudformation describe-stacks`; not given for a new stack
    #[arg(long)]
    stack: Option<PathBuf>,
    /// samconfig.toml
    #[arg(long, requires = "environment")]
    parameters: Option<PathBuf>,
    /// Environment whose parameters are read from it, for example `prod`
    #[arg(long)]
    environment: Option<String>,
    /// Parameter that takes precedence over the file, for example `RestoredTable=billing-restored`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    changed: Vec<(String, String)>,
    /// Function and its new package, for example `summary=s3://bucket/key`
    #[arg(long = "package", value_name = "FUNCTION=S3_URL", value_parser = package)]
    packages: Vec<(String, String)>,
    /// Shift all traffic at once, without hook and alarms
    #[arg(long)]
    at_once: bool,
    /// Folder for template.json and parameters.json
    #[arg(long)]
    output: PathBuf,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn package(text: &str) -> Result<(String, String), String> {
    let (function, location) = text.split_once('=').ok_or("expected FUNCTION=s3://BUCKET/KEY")?;
    if !location.starts_with("s3://") {
        return Err(format!("{location} is not an s3:// URL"));
    }
    Ok((function.to_owned(), location.to_owned()))
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(text) => {
            if !text.is_empty() {
                println!("{text}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("deployer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<String, Error> {
    match command {
        Command::Changes { since, root } => {
            Ok(Vec::from_iter(changes::since(&root, &since)?).join(" "))
        }
        Command::Compose(args) => compose(args),
        Command::Routes { functions, template } => {
            let routes = Template::read(&template)?.routes(&functions)?;
            let lines: Vec<String> =
                routes.iter().map(|(method, path)| format!("{method} {path}")).collect();
            Ok(lines.join("\n"))
        }
    }
}

fn compose(args: ComposeArgs) -> Result<String, Error> {
    let deployed = args.deployed.as_deref().map(input::deployed_template).transpose()?;
    let template = match &args.template {
        Some(path) => Template::read(path)?,
        None => deployed.clone().ok_or_else(input::no_template)?,
    };
    let current = args.stack.as_deref().map(input::stack_parameters).transpose()?;
    let file = args.parameters.as_deref().zip(args.environment.as_deref());
    let read = |(file, environment)| input::environment_parameters(file, environment);
    let mut changed = file.map(read).transpose()?.unwrap_or_default();
    changed.extend(args.changed);
    let release = Release {
        template,
        deployed,
        packages: args.packages,
        current: current.unwrap_or_default(),
        changed,
        shift: if args.at_once { Shift::AtOnce } else { Shift::Gradual },
    };
    let (template, parameters) = release.compose()?;
    for (name, content) in [("template.json", template), ("parameters.json", parameters)] {
        let path = args.output.join(name);
        fs::write(&path, content.to_string()).map_err(|source| Error::File { path, source })?;
    }
    Ok(String::new())
}
