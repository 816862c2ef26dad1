//! Free capacity: on container instances as of their last event, and within the Fargate quota.

use super::{Definition, Past, Wanted, found, open};
use crate::check::State;
use crate::render::{Cell, Look};

/// The last known state of each container instance in the cluster.
const INSTANCES: &str = "
    select cluster, container_instance, status, agent_connected, remaining_cpu, remaining_memory, registered_cpu, registered_memory
    from (select i.*, row_number() over (partition by container_instance_arn order by version desc nulls last, time desc, id) as nth
          from instance_events i) i
    where nth = 1 and cluster in (CLUSTERS) order by cluster, container_instance";

/// The capacity of an instance.
struct Instance {
    cluster: String,
    ready: bool,
    remaining: (u64, u64),
    registered: (u64, u64),
}

/// Checks whether the tasks fit on the instances of each target cluster.
pub fn instances<E>(definition: &Definition, wanted: &Wanted, past: Option<&Past<'_, E>>) -> Result<State, E> {
    if definition.fargate {
        return Ok(open("the task runs on Fargate"));
    }
    let Some(past) = past else { return Ok(open("no store to query")) };
    let clusters = clusters(definition, wanted, past)?;
    if clusters.is_empty() {
        return Ok(open(&format!("no task of family {} is in the store; name a cluster with --cluster", definition.family)));
    }
    let list = clusters.iter().map(|cluster| format!("'{}'", cluster.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
    let instances: Vec<Instance> =
        (past.rows)(&INSTANCES.replace("CLUSTERS", &list))?.iter().filter_map(|row| instance(row)).collect();
    if instances.is_empty() {
        return Ok(open(&format!("no instance events of {} are in the store", clusters.join(", "))));
    }
    let need = (definition.needed_cpu(), definition.needed_memory());
    let sentences = clusters.iter().filter_map(|cluster| {
        let of: Vec<&Instance> = instances.iter().filter(|instance| instance.cluster == *cluster).collect();
        sentence(cluster, &of, need, wanted.count)
    });
    Ok(found(sentences, &wanted.file))
}

fn sentence(cluster: &str, instances: &[&Instance], (cpu, memory): (u64, u64), count: u64) -> Option<String> {
    let most = |get: fn(&Instance) -> u64| instances.iter().map(|instance| get(instance)).max().unwrap_or(0);
    let needs = format!("cluster {cluster}: one task needs {cpu} CPU units and {memory} MiB");
    if instances.is_empty() {
        return Some(format!("{needs}; the store has no instance of this cluster"));
    }
    if !instances.iter().any(|instance| instance.registered.0 >= cpu && instance.registered.1 >= memory) {
        let (cpu, memory) = (most(|instance| instance.registered.0), most(|instance| instance.registered.1));
        return Some(format!(
            "{needs}; no instance is that large (at most {cpu} and {memory}), so more of the same instances cannot help"
        ));
    }
    let ready: Vec<&&Instance> = instances.iter().filter(|instance| instance.ready).collect();
    let fits = |instance: &Instance| {
        let times = |room: u64, need: u64| room.checked_div(need).unwrap_or(u64::MAX);
        times(instance.remaining.0, cpu).min(times(instance.remaining.1, memory))
    };
    let room: u64 = ready.iter().fold(0, |sum, instance| sum.saturating_add(fits(instance)));
    (room < count).then(|| {
        let left: Vec<String> =
            ready.iter().map(|instance| format!("{} and {}", instance.remaining.0, instance.remaining.1)).collect();
        let left = if left.is_empty() { "none is ACTIVE and connected".to_owned() } else { format!("left: {}", left.join(", ")) };
        format!("{needs}; room for {room} of {count} on {} instances ({left})", instances.len())
    })
}

fn instance(row: &[Cell]) -> Option<Instance> {
    let [cluster, _, status, connected, remaining_cpu, remaining_memory, registered_cpu, registered_memory] = row else {
        return None;
    };
    let text = |cell: &Cell| if let Cell::Text(text) = cell { text.clone() } else { String::new() };
    let number = |cell: &Cell| cell.as_number().map_or(0, |number| number.max(0.0) as u64);
    Some(Instance {
        cluster: text(cluster),
        ready: text(status) == "ACTIVE" && *connected == Cell::Bool(true),
        remaining: (number(remaining_cpu), number(remaining_memory)),
        registered: (number(registered_cpu), number(registered_memory)),
    })
}

/// The given cluster, else the clusters in which the family has run.
fn clusters<E>(definition: &Definition, wanted: &Wanted, past: &Past<'_, E>) -> Result<Vec<String>, E> {
    if let Some(cluster) = &wanted.cluster {
        return Ok(vec![cluster.rsplit('/').next().unwrap_or(cluster).to_owned()]);
    }
    let family = definition.family.replace('\'', "''");
    let statement = format!(
        "select distinct cluster from (select cluster from task_events where family = '{family}' \
         union all select cluster from calls where family = '{family}') where cluster is not null order by cluster"
    );
    let rows = (past.rows)(&statement)?;
    let name = |row: &Vec<Cell>| if let Some(Cell::Text(text)) = row.first() { Some(text.clone()) } else { None };
    Ok(rows.iter().filter_map(name).collect())
}

/// The latest usage and limit of each account and Region.
const USE: &str = "quota where resource = fargate_vcpu by account, region show last(used), last(allowed)";

/// Checks whether the tasks fit into the quota, given the current usage.
pub fn quota<E>(definition: &Definition, wanted: &Wanted, past: Option<&Past<'_, E>>) -> Result<State, E> {
    if !definition.fargate {
        return Ok(open("the task does not run on Fargate"));
    }
    let Some(past) = past else { return Ok(open("no store to query")) };
    let mut sentences = Vec::new();
    let mut unknown = true;
    let needs = definition.needed_cpu() as f64 / 1024.0 * wanted.count as f64;
    for row in (past.query)(USE)? {
        let [account, region, used, allowed] = row.as_slice() else { continue };
        let (Some(used), Some(allowed)) = (used.as_number(), allowed.as_number()) else { continue };
        unknown = false;
        if used + needs > allowed {
            let look = Look::default();
            sentences.push(format!(
                "account {}, {}: {needs} vCPU for {} tasks, {used} in use, {} needed; the limit is {allowed}",
                account.human(&look),
                region.human(&look),
                wanted.count,
                used + needs,
            ));
        }
    }
    Ok(if unknown {
        open("the limit is unknown; pass it with --quotas FILE")
    } else {
        found(sentences.into_iter(), &wanted.file)
    })
}
