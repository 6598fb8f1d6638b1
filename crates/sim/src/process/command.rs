//! The operator's commands as processes, as on a real host. Each carries out an operation step by
//! step, and a fault may strike each step.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::action::Reason;
use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::manifest::SettingValue;
use archipelago_core::name::AppId;
use archipelago_core::observed::Memory;
use archipelago_core::operation::{
    DiskState, Ending, IntentRevision, Kind, OperationId, Record, SWITCH, Standing, SwitchPart,
    Target,
};
use archipelago_core::plan::restarted_with;
use archipelago_core::release::ReleaseId;

use crate::apps::{SHOP, files_of};
use crate::invariants::Invariant;
use crate::mutation::Mutation;
use crate::process::call::CallError;
use crate::process::pass::Process;
use crate::script::intervention::Intervention;
use crate::world::operations::{Begun, Change};
use crate::world::state::World;

type Done = Result<(), CallError>;

impl World {
    /// The change of a command; `None` for an intervention that is no operation, or is refused.
    pub(crate) fn change_of(&mut self, intervention: &Intervention) -> Option<Change> {
        let (kind, app, version) = match intervention {
            Intervention::Install(app, version) => (Kind::Install, app.as_str(), Some(*version)),
            Intervention::SetPort(_) => (Kind::Set, SHOP, None),
            Intervention::Start(app) => (Kind::Start, app.as_str(), None),
            Intervention::Stop(app) => (Kind::Stop, app.as_str(), None),
            Intervention::Restart(app) => (Kind::Restart, app.as_str(), None),
            Intervention::Rebuild => (Kind::Rebuild, SHOP, None),
            Intervention::Uninstall(app) => (Kind::Uninstall, app.as_str(), None),
            Intervention::Purge(app) => (Kind::Purge, app.as_str(), None),
            _ => return None,
        };
        let app = AppId::parse(app).ok()?;
        let known = self.disk.read(&self.layout.intent(&app));
        if self.is_refused(intervention) || (known.is_none() && kind != Kind::Install) {
            return None;
        }
        let text = String::from_utf8_lossy(known.as_deref().unwrap_or_default()).into_owned();
        let mut intent = Intent::parse("", &text).unwrap_or_default();
        let mut builds = Vec::new();
        match intervention {
            Intervention::SetPort(port) => {
                let port = SettingValue::Integer(i64::from(*port));
                intent.settings = BTreeMap::from([("port".to_owned(), port)]);
            }
            Intervention::Install(app, version) => {
                intent.state = WantedState::Running;
                intent.purge = false;
                intent.release = Some(ReleaseId::of(&files_of(app, *version)));
            }
            Intervention::Start(_) => {
                intent.state = WantedState::Running;
                intent.purge = false;
            }
            Intervention::Stop(_) => intent.state = WantedState::Stopped,
            Intervention::Rebuild => (intent, builds) = self.rebuilt()?,
            Intervention::Uninstall(_) | Intervention::Purge(_) => {
                intent.state = WantedState::Removed;
                intent.purge = kind == Kind::Purge;
            }
            _ => {}
        }
        let goal = match intent.state {
            WantedState::Running => Target::Ready,
            WantedState::Stopped => Target::Stopped,
            WantedState::Removed => Target::Gone,
        };
        let before = known.map(|content| IntentRevision::of(&content));
        let content = (kind != Kind::Restart).then(|| intent.to_text());
        let after = content
            .as_deref()
            .map(|text| IntentRevision::of(text.as_bytes()));
        self.operations_asked += 1;
        Some(Change {
            record: Record {
                id: OperationId::new(Duration::ZERO, self.operations_asked),
                kind,
                goal,
                asked_unix_s: 0,
                after: after.or_else(|| before.clone()),
                before,
                restarts: match kind {
                    Kind::Restart => self.running_invocations(&app),
                    _ => BTreeMap::new(),
                },
                version: None,
                update: None,
                app,
            },
            builds,
            intent: content,
            version,
        })
    }

    /// The running services that a restart of an app would end, each with its invocation.
    pub(crate) fn running_invocations(&self, app: &AppId) -> BTreeMap<String, String> {
        let memory = Memory::read(self.disk.read(&self.layout.pending()).as_deref());
        let desired = self.desired();
        let restarted = restarted_with(&desired, &memory, app).into_iter();
        let invocations = restarted.filter_map(|service| {
            let run = self.systemd.run(service)?;
            Some((service.to_owned(), run.invocation.clone()))
        });
        invocations.collect()
    }

    pub(crate) fn write_record(&mut self, change: &Change) -> Done {
        let record = &change.record;
        self.begun.push(Begun {
            change: change.clone(),
            is_reported: false,
        });
        self.make_folder(&self.layout.operations())?;
        let path = self.layout.operation(record.id);
        self.write(&path, &record.to_bytes(), 0o600)
    }

    /// Stores the definition and changes the intent.
    pub(crate) fn switch(&mut self, change: &Change) -> Done {
        let Change {
            record,
            builds: _,
            intent,
            version,
        } = change;
        let mut parts = SWITCH;
        if self.mutation == Some(Mutation::SwitchedInTwoSteps) {
            let place = |wanted| parts.iter().position(|part| *part == wanted);
            let places = place(SwitchPart::StoreRelease).zip(place(SwitchPart::WriteIntent));
            if let Some((store, write)) = places {
                parts.swap(store, write);
            }
        }
        for part in parts {
            match (part, intent) {
                (SwitchPart::StoreRelease, _) => self.store(record, *version)?,
                (SwitchPart::WriteIntent, Some(intent)) => {
                    let path = self.layout.intent(&record.app);
                    self.write(&path, intent.as_bytes(), 0o600)?;
                }
                (SwitchPart::WriteIntent, None) => {}
                (SwitchPart::NoteRestarts, _) => self.note_restarts(record)?,
            }
        }
        Ok(())
    }

    /// Stores the definition that the intent names.
    fn store(&mut self, record: &Record, version: Option<u8>) -> Done {
        let Some(version) = version else {
            return Ok(());
        };
        let files = files_of(record.app.as_str(), version);
        self.store_release(&ReleaseId::of(&files), &files)
    }

    /// Notes the invocations that must end, for the next pass.
    pub(crate) fn note_restarts(&mut self, record: &Record) -> Done {
        if record.restarts.is_empty() {
            return Ok(());
        }
        let path = self.layout.pending();
        let mut memory = Memory::read(self.disk.read(&path).as_deref());
        for (service, invocation) in &record.restarts {
            memory.must_end(service, invocation.clone(), Reason::RestartAsked);
        }
        self.requested_restarts.extend(record.restarts.clone());
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        self.make_folder(path.parent().unwrap_or(&path))?;
        self.write(&path, &text, 0o600)
    }

    /// As [`Self::disk_state`], after a killed process, which may not have synced the intent that
    /// it wrote.
    pub(crate) fn durable_disk_state(&mut self, app: &AppId) -> Result<DiskState, CallError> {
        self.sync_folder(&self.layout.apps())?;
        Ok(self.disk_state(app))
    }

    fn disk_state(&self, app: &AppId) -> DiskState {
        let layout = &self.layout;
        let data = [layout.volumes(app), layout.files(app), layout.secrets(app)];
        let intent = self.disk.read(&layout.intent(app));
        DiskState {
            intent: intent.map(|content| IntentRevision::of(&content)),
            data: data.iter().any(|folder| self.disk.exists(folder)),
        }
    }

    /// Reports the end of an operation and removes its record.
    pub(crate) fn forget_record(&mut self, record: &Record, ending: Option<&Ending>) -> Done {
        self.log(|| {
            format!(
                "the end of {} {}: {ending:?}",
                record.kind.word(),
                record.app
            )
        });
        if let Some(begun) = self.begun_as(record.id) {
            begun.is_reported |= ending.is_some();
        }
        self.check_has_ended(record);
        self.remove(&self.layout.operation(record.id))
    }

    fn begun_as(&mut self, id: OperationId) -> Option<&mut Begun> {
        let mut begun = self.begun.iter_mut();
        begun.find(|begun| begun.change.record.id == id)
    }

    /// Checks that the record of an operation that has changed the intent is not removed before its
    /// app is as asked, or the report says why not.
    fn check_has_ended(&mut self, record: &Record) {
        if self.is_disturbed || record.standing(&self.disk_state(&record.app)) != Standing::Begun {
            return;
        }
        let desired = self.desired();
        let app = desired.apps.get(&record.app);
        let Some(problem) = app.and_then(|app| self.problem_of(&record.app, app)) else {
            return;
        };
        let report = Process::status(self);
        let health = report.apps.iter().find(|health| health.id == record.app);
        let has_message = health.is_some_and(|health| {
            let mut units = health.units.iter();
            health.why.is_some() || units.any(|unit| unit.why.is_some())
        });
        if !has_message {
            let what = format!(
                "the record of {} {} is removed before its end: {problem}",
                record.kind.word(),
                record.app
            );
            self.violation(Invariant::OperationsEnd, what);
        }
    }

    /// Checks on a quiescent host that no record is left, no operation was half done, and the end
    /// of each was reported.
    pub(crate) fn check_operations(&mut self) {
        let names = self.disk.names(&self.layout.operations());
        if let Some(name) = names.first() {
            let what = format!("the record {name} is left");
            self.violation(Invariant::OperationsEnd, what);
        }
        for Begun {
            change,
            is_reported,
        } in self.begun.clone()
        {
            let Change {
                record, version, ..
            } = &change;
            let what = format!("{} {}", record.kind.word(), record.app);
            let standing = record.standing(&self.disk_state(&record.app));
            let is_changed = standing == Standing::Begun && record.before != record.after;
            if is_changed && !is_reported {
                let what = format!("the end of {what} was not reported");
                self.violation(Invariant::OperationsEnd, what);
            }
            let is_half = standing == Standing::Superseded
                || (is_changed
                    && version.is_some_and(|version| !self.has_definition(record, version)));
            if is_half && !self.is_disturbed {
                self.violation(Invariant::OperationsWhole, format!("{what} was half done"));
            }
        }
    }

    fn has_definition(&self, record: &Record, version: u8) -> bool {
        let files = files_of(record.app.as_str(), version);
        let folder = self.layout.release(&ReleaseId::of(&files));
        files.iter().all(|(path, file)| {
            self.disk.read(&folder.join(path)).as_deref() == Some(&*file.content)
        })
    }
}
