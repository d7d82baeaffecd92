//! `regard serve`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::args::{ServeArgs, data_dir_beside};
use crate::config::{self, Site};
use crate::sandbox::Reach;
use crate::site::load_site;
use crate::speech::{complain, say};
use crate::{classify, exit, papers, run};

/// Checks a configuration, or runs it until it is told to stop.
pub(crate) fn serve(args: &ServeArgs) -> Result<ExitCode> {
    let site = load_site(&args.config)?;
    let classifiers = classify::of_site(&site)?;
    warn_of_open_password(&site, &args.config);
    if args.check {
        let printed = exit::print("ok")?;
        complain(site.summary());
        return Ok(printed);
    }
    let data_dir = data_dir_beside(args.data.as_deref(), site.folder());
    let asset_dir = data_dir.join(config::ASSETS);
    prepare(&site, &data_dir, &asset_dir)
        .with_context(|| format!("the data folder {} cannot be used", data_dir.display()))?;
    let mut server = site.server_config(&data_dir, run::random_key()?);
    if let Some(listen) = args.listen {
        if !listen.ip().is_loopback() && !server.allow_remote {
            bail!(
                "{listen} can be reached by others; if that is meant set allow_remote = true under \
                 [server] in {}",
                args.config.display()
            );
        }
        server.listen = listen;
    }
    if !server.listen.ip().is_loopback() && server.tls.is_none() {
        complain(format_args!(
            "warning: {} is reached by others without encryption: whoever is on the way reads tokens and \
             sessions; add [server.tls] to {}, or put a web server with a certificate in front",
            server.listen,
            args.config.display()
        ));
    }
    let mut engine = site.engine_config(&data_dir);
    engine.recording.clone_from(&args.record);
    engine.site_key = args.site_key.config_to_run(&data_dir);
    let introduce =
        |address: &str, token: Option<&str>| introduction(&site, &data_dir, address, token);
    server.classifiers = classifiers;
    server.admin_token = run::admin_token(args.new_admin_token);
    let reach = Reach::of(&engine, &server);
    let answers = papers::answers_beside(site.folder());
    run::serve(engine, server, &reach, answers, introduce)?;
    Ok(ExitCode::SUCCESS)
}

/// Says that others can read a password on its way to the broker.
fn warn_of_open_password(site: &Site, config: &Path) {
    let Some(mqtt) = site.broker().filter(|mqtt| mqtt.tells_password_openly()) else {
        return;
    };
    complain(format_args!(
        "warning: the password for {} goes there without encryption: whoever is on the way reads it; where the \
         broker can do that, write mqtts:// under [mqtt] in {}",
        mqtt.broker,
        config.display()
    ));
}

/// The data folder, for its owner alone, with copies of the files that messages show.
fn prepare(site: &Site, data_dir: &Path, asset_dir: &Path) -> io::Result<()> {
    regard_engine::create_private_folder(data_dir)?;
    config::install(&site.assets, asset_dir)
}

/// What a person reads first, below the line that scripts read.
fn introduction(site: &Site, data_dir: &Path, address: &str, token: Option<&str>) {
    let commitments = site.commitments();
    say(format_args!(
        "
{}
  promises  profile {}, version {} for {}
  data      {}",
        site.summary(),
        commitments.profile,
        commitments.version,
        commitments.site.name,
        data_dir.display(),
    ));
    for camera in site.cameras() {
        say(format_args!(
            "  camera    {}: {}",
            camera.camera, camera.source
        ));
    }
    say("\nOpen in a browser:");
    for screen in site.screens() {
        say(format_args!("  {address}/screen/{}", screen.screen));
    }
    say(format_args!("  {address}/console\n  {address}/privacy"));
    if let Some(token) = token {
        say(format_args!(
            "
Admin token, shown this once: {token}
Log in with it at {address}/login. When it is lost, start with --new-admin-token."
        ));
    }
    say("\nStop with Ctrl-C.");
}
