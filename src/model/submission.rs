//! A dstack job submission: one attempt of one job.

use super::Origin;
use super::catalog::FailureCatalog;
use super::field::{Name, exit_code, lower, name, text_at};
use super::run_failure::{RunContext, classify_end};
use super::time::time_of;
use crate::decode::json::Value;
use crate::table::JobSubmission;
use std::borrow::Cow;

/// One attempt, as exported.
#[derive(Debug, Default)]
pub(super) struct Submission<'a> {
    pub id: Option<&'a str>,
    pub job: Name<'a>,
    pub image: Name<'a>,
    pub replica: Option<i64>,
    pub job_num: Option<i64>,
    pub submission_num: Option<i64>,
    pub deployment_num: Option<i64>,
    pub submitted_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub last_processed_at: Option<i64>,
    pub status: Name<'a>,
    pub status_message: Name<'a>,
    /// The termination reason, in lower case; 0.16 calls it `error_code`.
    pub reason: Name<'a>,
    pub message: Option<&'a str>,
    pub exit_status: Option<i64>,
    /// Servers before 0.19.9 do not record an exit status.
    pub records_exit_status: bool,
    pub error: Name<'a>,
    pub inactivity: Option<f64>,
    /// Whether it is the newest of its job in the document.
    pub newest: bool,
    /// The instance it ran on.
    pub machine: Machine<'a>,
}

/// The instance of a submission, and the share assigned to the job.
#[derive(Debug, Default)]
pub(super) struct Machine<'a> {
    pub provisioned: bool,
    pub backend: Name<'a>,
    pub region: Name<'a>,
    pub availability_zone: Name<'a>,
    pub instance_type: Name<'a>,
    pub instance: Name<'a>,
    pub spot: Option<bool>,
    pub price: Option<f64>,
    pub blocks: Option<i64>,
    pub total_blocks: Option<i64>,
    pub vcpu: Option<i64>,
    pub memory_mib: Option<i64>,
    pub gpus: Option<i64>,
    pub gpu: Name<'a>,
}

impl<'a> Submission<'a> {
    /// Reads a submission; `spec` is the specification of its job.
    pub(super) fn read(value: Value<'a>, spec: Option<Value<'a>>, newest: bool) -> Self {
        let mut submission = Submission { newest, ..Submission::default() };
        if let Some(spec) = spec {
            submission.job = text_at(spec, "job_name");
            submission.image = text_at(spec, "image_name");
            submission.replica = spec.get("replica_num").and_then(Value::int);
            submission.job_num = spec.get("job_num").and_then(Value::int);
        }
        let (mut provisioning, mut runtime) = (None, None);
        for (key, value) in value.entries() {
            match key {
                "job_provisioning_data" => provisioning = Some(value).filter(|data| data.is_object()),
                "job_runtime_data" => runtime = Some(value).filter(|data| data.is_object()),
                _ => submission.read_field(key, value),
            }
        }
        submission.machine = Machine::read(provisioning, runtime);
        submission
    }

    fn read_field(&mut self, key: &str, value: Value<'a>) {
        let text = || value.text().and_then(name);
        match key {
            "id" => self.id = value.text(),
            "submission_num" => self.submission_num = value.int(),
            "deployment_num" => self.deployment_num = value.int(),
            "submitted_at" => self.submitted_at = time_of(value),
            "finished_at" => self.finished_at = time_of(value),
            "last_processed_at" => self.last_processed_at = time_of(value),
            "status" => self.status = value.text().and_then(lower),
            "status_message" => self.status_message = text(),
            "termination_reason" | "error_code" => self.reason = value.text().and_then(lower).or(self.reason.take()),
            "termination_reason_message" => self.message = value.text(),
            "exit_status" => {
                self.exit_status = exit_code(value);
                self.records_exit_status = true;
            }
            "error" => self.error = text(),
            "inactivity_secs" => self.inactivity = value.float(),
            _ => {}
        }
    }

    /// The end time, or the last known activity.
    pub(super) fn time(&self) -> Option<i64> {
        self.finished_at.or(self.last_processed_at).or(self.submitted_at)
    }

    /// The row of the submission.
    pub(super) fn row(self, context: &RunContext<'_, 'a>, origin: Origin<'a>) -> JobSubmission<'a> {
        let class = classify_end(&self);
        let known = self.reason.as_deref().and_then(|reason| FailureCatalog::current().job_reason(reason));
        let retry_event = known.and_then(|known| known.retry_event.as_deref());
        let id = format!("{}@{}", self.id.unwrap_or_default(), self.last_processed_at.or(self.time()).unwrap_or_default());
        let time = self.time().or(Some(context.time));
        let machine = self.machine;
        JobSubmission {
            id: Some(Cow::Owned(id)),
            time,
            run_id: context.run_id.clone(),
            run_record: (!context.alone).then(|| Cow::Owned(context.record.to_owned())),
            job: self.job,
            replica: self.replica,
            job_num: self.job_num,
            submission: self.id.and_then(name),
            submission_num: self.submission_num,
            deployment_num: self.deployment_num,
            submitted_at: self.submitted_at,
            finished_at: self.finished_at,
            last_processed_at: self.last_processed_at,
            status: self.status,
            status_message: self.status_message,
            termination_reason: self.reason,
            message: self.message.and_then(name),
            exit_status: self.exit_status,
            error: self.error,
            phase: class.and_then(|class| class.phase).map(Cow::Borrowed),
            class: class.and_then(|class| class.class).map(Cow::Borrowed),
            retry_event: retry_event.map(Cow::Borrowed),
            image: self.image,
            backend: machine.backend,
            region: machine.region,
            availability_zone: machine.availability_zone,
            instance_type: machine.instance_type,
            instance: machine.instance,
            spot: machine.spot,
            provisioned: Some(machine.provisioned),
            price: machine.price,
            vcpu: machine.vcpu,
            memory_mib: machine.memory_mib,
            gpus: machine.gpus,
            gpu: machine.gpu,
            blocks: machine.blocks,
            total_blocks: machine.total_blocks,
            inactivity: self.inactivity,
            source: name("dstack"),
            file: origin.file(),
            record: Some(origin.record),
            raw: if context.alone { origin.raw() } else { None },
        }
    }
}

impl<'a> Machine<'a> {
    /// Reads the instance; if the job uses only some of its blocks, the offer has the job's share.
    fn read(provisioning: Option<Value<'a>>, runtime: Option<Value<'a>>) -> Self {
        let Some(provisioning) = provisioning else { return Machine::default() };
        let mut machine = Machine { provisioned: true, ..Machine::default() };
        let (mut base_backend, mut instance_type) = (None, None);
        for (key, value) in provisioning.entries() {
            let text = || value.text().and_then(name);
            match key {
                "backend" => machine.backend = value.text().and_then(lower),
                "base_backend" => base_backend = value.text().and_then(lower),
                "instance_type" => instance_type = Some(value),
                "instance_id" => machine.instance = text(),
                "region" => machine.region = text(),
                "availability_zone" => machine.availability_zone = text(),
                "price" => machine.price = value.float(),
                _ => {}
            }
        }
        machine.backend = base_backend.or(machine.backend);
        machine.instance_type = instance_type.and_then(|instance_type| text_at(instance_type, "name"));
        let whole = instance_type.and_then(|instance_type| instance_type.get("resources"));
        machine.spot = whole.and_then(|resources| resources.get("spot")).and_then(Value::bool);
        let offer = runtime.and_then(|runtime| runtime.get("offer")).filter(|offer| offer.is_object());
        machine.blocks = offer.and_then(|offer| offer.get("blocks")).and_then(Value::int);
        machine.total_blocks = offer.and_then(|offer| offer.get("total_blocks")).and_then(Value::int);
        let shared = offer.filter(|_| machine.total_blocks.is_some_and(|blocks| blocks > 1));
        let part = shared.and_then(|offer| offer.path(&["instance", "resources"]));
        if let Some(resources) = part.or(whole) {
            machine.read_resources(resources);
        }
        machine
    }

    fn read_resources(&mut self, resources: Value<'a>) {
        self.vcpu = resources.get("cpus").and_then(Value::int);
        self.memory_mib = resources.get("memory_mib").and_then(Value::int);
        let mut gpus = resources.get("gpus").into_iter().flat_map(Value::items).peekable();
        self.gpu = gpus.peek().and_then(|gpu| text_at(*gpu, "name"));
        self.gpus = i64::try_from(gpus.count()).ok();
    }
}
