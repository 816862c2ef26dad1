//! Free capacity: on container instances as of their last event, and within the Fargate quota.

use super::{Definition, Home, Past, Wanted, found, open};
use crate::check::State;
use crate::render::{Cell, Look};
use std::collections::{BTreeMap, BTreeSet};

/// The last known state of each container instance in the cluster; instances that were deregistered have no room.
const INSTANCES: &str = "
    select account, region, \"cluster\", status, agent_connected, remaining_cpu, remaining_memory, registered_cpu, registered_memory
    from (select i.*, row_number() over (partition by coalesce(container_instance_arn, container_instance, id)
            order by version desc nulls last, time desc, id) as nth
          from instance_events i) i
    where nth = 1 and \"cluster\" in (CLUSTERS) and coalesce(status, '') not in ('INACTIVE', 'DEREGISTERING', 'REGISTRATION_FAILED')
    order by \"cluster\", account, region, container_instance_arn, container_instance, id";

/// A cluster. Several accounts and Regions may have one of its name; missing ones are unknown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    cluster: String,
    account: Option<String>,
    region: Option<String>,
}

impl Place {
    /// Whether two may be the same cluster.
    fn may_be(&self, other: &Place) -> bool {
        let fits = |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        self.cluster == other.cluster && fits(&self.account, &other.account) && fits(&self.region, &other.region)
    }

    /// The same cluster, whose account and Region are those of the tasks if they are unknown.
    fn in_home(self, home: &Home) -> Place {
        let Home { account, region } = Home { account: self.account, region: self.region }.or(home);
        Place { cluster: self.cluster, account, region }
    }

    /// The cluster in a name or an ARN.
    fn named(text: &str) -> Place {
        let Home { account, region } = Home::of_arn(text);
        Place { cluster: text.rsplit('/').next().unwrap_or(text).to_owned(), account, region }
    }
}

/// The capacity of an instance.
struct Instance {
    place: Place,
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
    let targets = targets(definition, wanted, past)?;
    if targets.is_empty() {
        return Ok(open(&format!("no task of family {} is in the store; name a cluster with --cluster", definition.family)));
    }
    let names: BTreeSet<&str> = targets.iter().map(|target| target.cluster.as_str()).collect();
    let list = names.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
    let rows = (past.rows)(&INSTANCES.replace("CLUSTERS", &list))?;
    let found_instances: Vec<Instance> = rows.iter().filter_map(|row| instance(row)).collect();
    let mut clusters: BTreeMap<&Place, Vec<&Instance>> = BTreeMap::new();
    for instance in found_instances.iter().filter(|instance| targets.iter().any(|target| target.may_be(&instance.place))) {
        clusters.entry(&instance.place).or_default().push(instance);
    }
    if clusters.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        return Ok(open(&format!("no instance events of {} are in the store", names.join(", "))));
    }
    for target in &targets {
        if !clusters.keys().any(|place| target.may_be(place)) {
            clusters.insert(target, Vec::new());
        }
    }
    let need = (definition.needed_cpu(), definition.needed_memory());
    let sentences = clusters.iter().filter_map(|(place, instances)| {
        let is_alone = clusters.keys().filter(|other| other.cluster == place.cluster).count() == 1;
        let home: Vec<&str> = [&place.account, &place.region].into_iter().flatten().map(String::as_str).collect();
        let name = match home.is_empty() || is_alone {
            true => place.cluster.clone(),
            false => format!("{} ({})", place.cluster, home.join(", ")),
        };
        sentence(&name, instances, need, wanted.count)
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
    let [account, region, cluster, status, connected, remaining_cpu, remaining_memory, registered_cpu, registered_memory] = row
    else {
        return None;
    };
    let number = |cell: &Cell| cell.as_number().map_or(0, |number| number.max(0.0) as u64);
    Some(Instance {
        place: Place { cluster: text(cluster)?, account: text(account), region: text(region) },
        ready: text(status).as_deref() == Some("ACTIVE") && *connected == Cell::Bool(true),
        remaining: (number(remaining_cpu), number(remaining_memory)),
        registered: (number(registered_cpu), number(registered_memory)),
    })
}

fn text(cell: &Cell) -> Option<String> {
    if let Cell::Text(text) = cell { Some(text.clone()) } else { None }
}

/// The given cluster, else the clusters in which the family has run; in the target account and Region, if they are known.
fn targets<E>(definition: &Definition, wanted: &Wanted, past: &Past<'_, E>) -> Result<Vec<Place>, E> {
    if let Some(cluster) = &wanted.cluster {
        return Ok(vec![Place::named(cluster).in_home(&wanted.home)]);
    }
    let (family, home) = (definition.family.replace('\'', "''"), wanted.home.and_in_sql());
    let statement = format!(
        "select distinct account, region, \"cluster\" from (\
           select account, region, \"cluster\" from task_events where family = '{family}'{home} \
           union all select account, region, \"cluster\" from calls where family = '{family}'{home}) \
         where \"cluster\" is not null order by \"cluster\", account, region"
    );
    let place = |row: &Vec<Cell>| match row.as_slice() {
        [account, region, cluster] => Some(Place { cluster: text(cluster)?, account: text(account), region: text(region) }),
        _ => None,
    };
    Ok((past.rows)(&statement)?.iter().filter_map(place).map(|place| place.in_home(&wanted.home)).collect())
}

/// The latest usage and limit of each account and Region.
const USE: &str = "quota where resource = fargate_vcpu by account, region show last(used), last(allowed)";

/// Checks whether the tasks fit into the quota of the account and Region of each target cluster, given the current usage; of all
/// accounts and Regions if they are unknown.
pub fn quota<E>(definition: &Definition, wanted: &Wanted, past: Option<&Past<'_, E>>) -> Result<State, E> {
    if !definition.fargate {
        return Ok(open("the task does not run on Fargate"));
    }
    let Some(past) = past else { return Ok(open("no store to query")) };
    let homes: BTreeSet<(String, String)> =
        targets(definition, wanted, past)?.into_iter().filter_map(|target| Some((target.account?, target.region?))).collect();
    let is_target = |account: &Cell, region: &Cell| {
        wanted.home.fits(account, region)
            && (homes.is_empty() || text(account).zip(text(region)).is_some_and(|home| homes.contains(&home)))
    };
    let mut sentences = Vec::new();
    let mut unknown = true;
    let needs = definition.needed_cpu() as f64 / 1024.0 * wanted.count as f64;
    for row in (past.query)(USE)? {
        let [account, region, used, allowed] = row.as_slice() else { continue };
        if !is_target(account, region) {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell {
        if text.is_empty() { Cell::Missing } else { Cell::Text(text.to_owned()) }
    }

    /// An instance with free and registered CPU units, and as many MiB.
    fn row(account: &str, cluster: &str, free: i128, registered: i128) -> Vec<Cell> {
        let [free, registered] = [free, registered].map(Cell::Int);
        let capacity = [&free, &free, &registered, &registered].map(Cell::clone);
        let state = [cell("ACTIVE"), Cell::Bool(true)];
        [cell(account), cell("eu-west-1"), cell(cluster)].into_iter().chain(state).chain(capacity).collect()
    }

    /// The answer for two tasks of 512 CPU units and MiB; the family ran in account 1.
    fn answer(cluster: Option<&str>, instances: &[Vec<Cell>]) -> State {
        let json = r#"{"family":"a","cpu":"512","memory":"512","containerDefinitions":[{"name":"x","image":"i:1"}]}"#;
        let wanted = Wanted { cluster: cluster.map(str::to_owned), count: 2, ..Wanted::default() };
        let rows = |statement: &str| -> Result<Vec<Vec<Cell>>, ()> {
            let ran = vec![cell("1"), cell("eu-west-1"), cell("prod")];
            Ok(if statement.contains("instance_events") { instances.to_vec() } else { vec![ran] })
        };
        let find = |_: &crate::check::Check, _: &str| -> Result<Vec<crate::check::Finding>, ()> { Ok(Vec::new()) };
        let past = Past { find: &find, query: &rows, rows: &rows };
        super::instances(&Definition::parse(json).unwrap(), &wanted, Some(&past)).unwrap()
    }

    fn sentences(state: &State) -> Vec<String> {
        match state {
            State::Found(found) => found.iter().map(|finding| finding.sentence()).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_room_of_a_cluster_is_not_that_of_its_namesake() {
        let (full, empty) = (row("1", "prod", 0, 2048), row("2", "prod", 2048, 2048));
        let own = sentences(&answer(None, &[full.clone(), empty.clone()]));
        assert!(
            own.len() == 1 && own[0].contains("cluster prod: one task needs") && own[0].contains("room for 0 of 2"),
            "{own:?}"
        );
        assert_eq!(answer(None, &[empty.clone(), row("1", "prod", 1024, 2048)]), State::Passed);
        // A name that two accounts have is checked in both.
        let both = sentences(&answer(Some("prod"), &[full.clone(), empty.clone()]));
        assert!(both.len() == 1 && both[0].contains("cluster prod (1, eu-west-1): "), "{both:?}");
        let arn = "arn:aws:ecs:eu-west-1:2:cluster/prod";
        assert_eq!(answer(Some(arn), &[full.clone(), empty]), State::Passed);
        assert!(matches!(answer(Some(arn), &[full]), State::NotAnswered(_)), "nothing is known about the instances of account 2");
    }
}
