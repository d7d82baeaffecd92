//! `regard`: the program that people start.
//!
//! In: arguments, configuration, files. Out: text for people and machines, an exit code. This room
//! puts the others together and computes nothing itself.

mod analyze;
mod args;
mod attestations;
mod audit;
mod campaign;
mod campaigns;
mod classify;
mod commitments;
mod config;
mod custody;
mod demo;
mod doctor;
mod dumps;
mod evaluate;
mod exit;
mod faces;
mod find_me;
mod gallery;
mod init;
mod instant;
mod learn;
mod learned;
mod ledger;
mod media_files;
mod models;
mod notice;
mod one_line;
mod papers;
mod person_search;
mod plays;
mod printable;
mod redact;
mod remote;
mod run;
mod sandbox;
mod serve;
mod simulate;
mod site;
mod speech;
mod statistics;
mod study;
mod swap;
mod timeline;
mod tokens;
mod whole_file;
mod work;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    run::log_to_stderr(cli.verbose);
    let result = match cli.command {
        Command::Demo(args) => demo::demo(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Init(args) => init::init(&args),
        Command::Analyze(args) => analyze::analyze(&args),
        Command::Timeline(args) => timeline::timeline(&args),
        Command::Learn(args) => learn::learn(&args),
        Command::Classify(args) => classify::classify(&args),
        Command::Redact(args) => redact::redact(&args),
        Command::FindMe(args) => find_me::find_me(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Models(command) => models::models(&command),
        Command::Commitments(command) => commitments::commitments(&command),
        Command::Notice(args) => notice::notice(&args),
        Command::Papers(args) => papers::papers(&args),
        Command::Audit(args) => audit::audit(&args),
        Command::Ledger(command) => ledger::ledger(&command),
        Command::Statistics(args) => statistics::statistics(&args),
        Command::Report(args) => plays::report(&args),
        Command::ProofOfPlay(command) => plays::proof_of_play(&command),
        Command::Campaign(command) => campaign::campaign(&command),
        Command::Campaigns(command) => campaigns::campaigns(&command),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Learned(command) => learned::learned(&command),
        Command::Keys(command) => custody::keys(&command),
        Command::Enroll(args) => faces::enroll(&args),
        Command::VerifyFace(args) => faces::verify(&args),
        Command::Gallery(command) => gallery::gallery(&command),
        Command::Attestations(command) => attestations::attestations(&command),
        Command::Study(command) => study::study(&command),
        Command::Erasure(command) => custody::erasure(&command),
        Command::Backup(args) => custody::backup(&args),
        Command::Restore(args) => custody::restore(&args),
        Command::Tokens(command) => tokens::tokens(&command),
    };
    match result {
        Ok(code) => code,
        Err(error) => exit::failure(&error),
    }
}
