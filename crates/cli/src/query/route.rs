use std::collections::BTreeMap;

use headwater_log::Partition;
use headwater_runtime::members::Member;

use super::Target;

/// Claims of one partition that are tried: whoever crashed may still be listed beside the one that took over.
const CLAIMS_MAX: usize = 3;

/// Where another instance answers, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its URL.
    pub url: String,
    /// Its name.
    pub instance: String,
}

/// For each partition the instances that say they hold its task, this one left out.
pub fn claims(
    target: Target,
    partitions: &[Partition],
    members: &[Member],
    own_url: &str,
) -> BTreeMap<u32, Vec<Owner>> {
    let claims_of = |partition: &Partition| {
        let task = format!("{}/{}/{}", target.processor, target.subtopology, partition.get());
        let claims = members.iter().filter(|member| member.url != own_url && member.tasks.contains(&task));
        let owners = claims.map(|member| Owner { url: member.url.clone(), instance: member.instance.clone() });
        let mut owners: Vec<Owner> = owners.collect();
        owners.dedup();
        owners.truncate(CLAIMS_MAX);
        (partition.get(), owners)
    };
    partitions.iter().map(claims_of).collect()
}

/// The next instance to ask for each partition, taken off the claims: partitions by instance. Partitions without a
/// further claim are left out.
pub fn next_round(claims: &mut BTreeMap<u32, Vec<Owner>>) -> BTreeMap<Owner, Vec<Partition>> {
    let mut round: BTreeMap<Owner, Vec<Partition>> = BTreeMap::new();
    for (partition, owners) in claims.iter_mut() {
        if !owners.is_empty() {
            round.entry(owners.remove(0)).or_default().push(Partition::new(*partition));
        }
    }
    round
}
