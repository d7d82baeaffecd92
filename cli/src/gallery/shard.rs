//! `regard gallery shard`: a part of the gallery of an installation on another machine.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;
use regard_backends::ShardServer;
use regard_identity::{GalleryLimits, Part};

use crate::args::ShardArgs;
use crate::sandbox::{self, Reach};
use crate::speech::say;
use crate::{config, dumps, exit, run, swap};

/// Holds a part in memory and answers whoever has the secret, until it is ended.
pub(super) fn shard(args: &ShardArgs) -> Result<ExitCode> {
    dumps::leave_none();
    swap::keep_in_memory();
    let secret = config::shard_secret(&args.secret_file).map_err(anyhow::Error::msg)?;
    let mut rng = StdRng::from_seed(run::random_key()?);
    // It writes nothing, reads nothing more, and calls nobody.
    sandbox::enter(&Reach {
        listens: BTreeSet::from([args.listen.port()]),
        connects: Some(BTreeSet::new()),
        ..Reach::default()
    });
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("{} cannot be listened on", args.listen))?;
    let address = listener.local_addr().context("the address is not known")?;
    say(format_args!("listening on {address}"));
    let limits = GalleryLimits {
        max_templates: args.max_templates,
        threads: args.threads,
    };
    let server = ShardServer::new(secret, &mut rng);
    server
        .serve(&listener, Box::new(Part::new(limits)))
        .context("connections can be taken no more")?;
    Ok(ExitCode::from(exit::NOTHING_DONE))
}
