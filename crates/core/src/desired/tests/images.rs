//! The image of a container: its platform, and a Containerfile that stands in the Compose file.

use super::compose::*;
use super::*;
use crate::check::needs::unmet_by;
use crate::needs::Offers;

#[test]
fn a_platform_is_pulled_and_judged_before_the_installation() {
    let needs = |platform: &str, offered: Option<&[&str]>| -> Vec<String> {
        let present = present(&app(&service(&format!("platform: {platform}")), &[]));
        let (_, container) = present.containers().next().unwrap();
        let Origin::Pull {
            platform: found, ..
        } = &container.image.origin
        else {
            panic!("{:?}", container.image);
        };
        assert_eq!(
            found.as_ref().map(ToString::to_string).as_deref(),
            Some(platform)
        );
        let name = "docker.io/library/x:latest".to_owned();
        let offered = offered.map(|offered| {
            let offered = offered.iter().map(|one| (*one).to_owned());
            (name, offered.collect())
        });
        let offers = Offers {
            architecture: "amd64".to_owned(),
            registry_images: offered.into_iter().collect(),
            ..Offers::default()
        };
        let needs = unmet_by(container, &offers).into_iter();
        needs
            .map(|need| format!("{}: {need}", need.is_certain()))
            .collect()
    };
    assert_eq!(needs("linux/amd64", Some(&["amd64"])), [""; 0]);
    assert_eq!(
        needs("linux/arm64", Some(&["amd64", "arm64"])),
        [
            "false: the image docker.io/library/x:latest is for arm64, and this machine is amd64; use an image for amd64, or install an \
          emulator (sudo apt install qemu-user-binfmt)"
        ]
    );
    let [_, missing] = &needs("linux/arm64", Some(&["amd64"]))[..] else {
        panic!("the registry has no such image");
    };
    assert_eq!(
        missing,
        "true: its registry has the image docker.io/library/x:latest for amd64 only, and its `platform` is arm64; use an image for arm64"
    );
}

#[test]
fn a_containerfile_in_the_compose_file_is_built() {
    let text = |inline: &str| {
        format!("services:\n  a:\n    build: {{context: ., dockerfile_inline: \"{inline}\"}}\n")
    };
    let image = |inline: &str| {
        let present = present(&app(&text(inline), &[("page", b"x")]));
        let (_, container) = present.containers().next().unwrap();
        container.image.clone()
    };
    let one = image("FROM docker.io/library/x:1\\nCOPY page /\\n");
    let Origin::Build(context) = &one.origin else {
        panic!("{one:?}");
    };
    assert_eq!(context.containerfile, ".dockerfile_inline");
    assert_eq!(
        context.files[".dockerfile_inline"].text(),
        Some("FROM docker.io/library/x:1\nCOPY page /\n")
    );
    assert!(context.files.contains_key("page"));
    assert_eq!(
        context.bases.keys().collect::<Vec<_>>(),
        ["docker.io/library/x:1"]
    );
    assert_ne!(
        one.reference,
        image("FROM docker.io/library/x:1\\n").reference
    );
}
