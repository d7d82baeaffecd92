//! Files and ports, by Landlock.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::Reach;

/// What is asked for: files (1), linking and truncating (2, 3), ports (4), devices (5), sockets without a
/// name and signals (6). A kernel that knows less enforces less.
const ASKED: ABI = ABI::V6;

/// Limits this thread, and all it starts, to what is in reach; what came of it, in words.
pub(super) fn restrict(reach: &Reach) -> Result<String, RulesetError> {
    let all = AccessFs::from_all(ASKED);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(ASKED))?;
    if reach.connects.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    // A path that is not there is left out: it cannot be reached either.
    let mut created = ruleset
        .create()?
        .add_rules(path_beneath_rules(&reach.writes, written()))?
        .add_rules(path_beneath_rules(&reach.adds, added()))?
        .add_rules(path_beneath_rules(&reach.reads, readable(reach)))?
        .add_rules(path_beneath_rules(&reach.devices, device()))?
        .add_rules(path_beneath_rules(&reach.tidies, AccessFs::RemoveDir))?;
    for port in &reach.listens {
        created = created.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
    }
    for port in reach.connects.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    let status = created.restrict_self()?;
    let kernel = kernel_words(&status.landlock);
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => {
            format!("limited to what the configuration names ({kernel})")
        }
        RulesetStatus::PartiallyEnforced => {
            format!("limited to what the configuration names, as far as the kernel can ({kernel})")
        }
        RulesetStatus::NotEnforced => format!("not limited: {kernel}"),
    })
}

/// Files and folders are made, written, moved and removed; no devices, no sockets, nothing is started.
fn written() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

fn added() -> BitFlags<AccessFs> {
    AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::ReadFile
}

fn device() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev
}

fn readable(reach: &Reach) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    if reach.starts_programs {
        read | AccessFs::Execute
    } else {
        read
    }
}

fn kernel_words(status: &LandlockStatus) -> String {
    match status {
        LandlockStatus::NotEnabled => "Landlock is not enabled at boot".to_owned(),
        LandlockStatus::NotImplemented => "the kernel has no Landlock".to_owned(),
        LandlockStatus::Available { effective_abi, .. } => {
            format!("Landlock ABI {}", *effective_abi as i32)
        }
    }
}

/// What this kernel could enforce; nothing where it cannot.
pub(super) fn available() -> Option<String> {
    // The newest of which all is there; a ruleset that nobody enters limits nobody.
    [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1]
        .into_iter()
        .find(|abi| is_whole(*abi))
        .map(|abi| {
            let more = if abi == ABI::V6 { " or newer" } else { "" };
            format!("ABI {}{more}", abi as i32)
        })
}

fn is_whole(abi: ABI) -> bool {
    let whole = || -> Result<(), RulesetError> {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(abi))?;
        if !AccessNet::from_all(abi).is_empty() {
            ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
        }
        if !Scope::from_all(abi).is_empty() {
            ruleset = ruleset.scope(Scope::from_all(abi))?;
        }
        ruleset.create().map(drop)
    };
    whole().is_ok()
}
