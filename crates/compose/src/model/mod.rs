//! The Compose model: every key in its one form, with defaults filled in and paths absolute.
//!
//! A text that is empty, a number that is 0 and a list without items are as good as not written, as
//! in the reference, unless a type says otherwise. Serialised, the model is the JSON of the
//! reference.

mod container;
mod decode;
mod keys;
mod project;
mod resource;
mod service;
mod values;

pub use container::{
    BindOptions, BlkioConfig, Container, CredentialSpec, Device, DeviceRequest, EnvFile,
    FileReference, Logging, Mount, MountImage, MountTmpfs, MountVolume, ServiceModel,
    ServiceNetwork, ThrottleDevice, WeightDevice,
};
pub use keys::Extensions;
pub use project::Project;
pub(crate) use project::decode;
pub use resource::{Config, FileObject, Ipam, Model, Network, Pool, Secret, Volume};
pub use service::{
    Build, Dependency, Deploy, Develop, DiscreteResource, GenericResource, Healthcheck, Hook, Job,
    Placement, PlacementPreference, Port, PreStart, Provider, Resource, Resources, RestartPolicy,
    Schedule, Service, ServiceKeys, Triggers, UpdateConfig, WatchRule, Workload,
};
pub use values::{
    Choice, Count, Environment, Hosts, Mode, MultiOptions, OptOut, Pairs, Size, SshKeys, Ulimit,
};
