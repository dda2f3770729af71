//! The walk along a document with its definitions beside it.

use std::collections::HashSet;

use super::{ISSUES_MAX, Level, invariant, primitive, reference};
use crate::definitions::{Child, Definitions, Shape, ShapeNumber, TypeKind, TypeNumber};
use crate::json::{Document, Element, Kind};
use crate::outcome::Issue;

/// What is known on the way.
pub(super) struct Walk<'a> {
    pub definitions: &'static Definitions,
    level: Level,
    issues: Vec<Issue>,
    /// Where the walk is: `Patient.name[0]`; only put together when there is an issue.
    path: Vec<Segment<'a>>,
    /// Ids of contained resources of the resource that is walked.
    contained: HashSet<String>,
    depth_contained: usize,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Type(&'a str),
    Name(&'a str),
    Index(usize),
}

/// Walks a resource.
pub(super) fn resource(document: &Document, kind: TypeNumber, level: Level) -> Vec<Issue> {
    let contained = document.root().get("contained").into_iter().flat_map(Element::items);
    let contained = contained.filter_map(|resource| Some(resource.get("id")?.as_str()?.into_owned())).collect();
    let mut walk = Walk {
        definitions: Definitions::r4(),
        level,
        issues: Vec::new(),
        path: vec![Segment::Type(Definitions::r4().name(kind))],
        contained,
        depth_contained: 0,
    };
    walk.resource(document.root(), kind);
    walk.issues
}

impl<'a> Walk<'a> {
    /// Tells an issue of where the walk is, or of a member there.
    pub fn issue(&mut self, code: &'static str, member: Option<&str>, reason: impl Into<String>) {
        if self.issues.len() < ISSUES_MAX {
            let mut path = String::new();
            for segment in &self.path {
                match segment {
                    Segment::Type(name) => path = (*name).to_owned(),
                    Segment::Name(name) => {
                        path.push('.');
                        path.push_str(name);
                    }
                    Segment::Index(index) => path.push_str(&format!("[{index}]")),
                }
            }
            if let Some(member) = member {
                path.push('.');
                path.push_str(member);
            }
            self.issues.push(Issue::at(code, path, reason));
        }
    }

    fn resource(&mut self, element: Element<'a>, kind: TypeNumber) {
        let definitions = self.definitions;
        let found = definitions.of(kind);
        self.object(element, found.shape, true);
        if self.level == Level::Strict {
            invariant::check(self, element, &found.constraints);
        }
    }

    /// A resource inside of another: contained, or in a Bundle or Parameters.
    fn inner_resource(&mut self, element: Element<'a>, is_contained: bool) {
        let name = element.get("resourceType").and_then(Element::as_str);
        let Some(kind) = name.and_then(|name| self.definitions.resource(&name)) else {
            self.issue("structure", Some("resourceType"), "is no resource type of FHIR R4");
            return;
        };
        if is_contained {
            if element.get("contained").is_some() {
                self.issue("invariant", Some("contained"), "dom-2: a contained resource contains no other");
            }
            if element.get("id").is_none() {
                self.issue("required", Some("id"), "a contained resource has an id");
            }
            self.depth_contained += 1;
            self.resource(element, kind);
            self.depth_contained -= 1;
            return;
        }
        let inner = element.get("contained").into_iter().flat_map(Element::items);
        let inner = inner.filter_map(|resource| Some(resource.get("id")?.as_str()?.into_owned())).collect();
        let outer = std::mem::replace(&mut self.contained, inner);
        self.resource(element, kind);
        self.contained = outer;
    }

    /// An object with elements.
    fn object(&mut self, element: Element<'a>, shape: ShapeNumber, is_resource: bool) {
        if element.kind() != Kind::Object {
            return self.issue("structure", None, "is an object");
        }
        let definitions = self.definitions;
        let shape: &'static Shape = definitions.shape(shape);
        let mut counts = vec![0_u32; shape.children.len()];
        let mut is_empty = true;
        for (name, value) in element.members() {
            if is_resource && name == "resourceType" {
                continue;
            }
            is_empty = false;
            let (bare, is_shadow) = name.strip_prefix('_').map_or((&*name, false), |bare| (bare, true));
            if bare == "fhir_comments" {
                continue;
            }
            let (Some(position), Some((child, which))) = (shape.position(bare), shape.child(bare)) else {
                self.issue("structure", Some(&name), "is no element of this type");
                continue;
            };
            let shadowed = is_shadow && element.get(bare).is_some();
            let occurrences = self.child(element, child_name(shape, bare), value, child, which, is_shadow);
            if let Some(count) = counts.get_mut(position)
                && !shadowed
            {
                if child.is_choice && *count > 0 {
                    self.issue("structure", Some(&child.name), "has more than one type");
                }
                *count += occurrences;
            }
        }
        if is_empty && !is_resource {
            self.issue("invariant", None, "ele-1: an element has a value or children");
        }
        for (child, count) in shape.children.iter().zip(counts) {
            if count < child.min {
                self.issue("required", Some(&child.name), format!("is required: at least {}", child.min));
            }
            if child.max.is_some_and(|max| count > max) {
                self.issue("structure", Some(&child.name), format!("at most {}", child.max.unwrap_or_default()));
            }
        }
    }

    /// A member; answers how many values it has.
    fn child(
        &mut self,
        owner: Element<'a>,
        name: &'static str,
        value: Element<'a>,
        child: &'static Child,
        which: usize,
        is_shadow: bool,
    ) -> u32 {
        self.path.push(Segment::Name(name));
        let occurrences = if child.is_array() {
            if value.kind() == Kind::Array {
                self.items(owner, name, value, child, which, is_shadow)
            } else {
                self.issue("structure", None, "is an array");
                1
            }
        } else if value.kind() == Kind::Array {
            self.issue("structure", None, "is no array");
            1
        } else {
            self.value(value, child, which, is_shadow);
            1
        };
        self.path.pop();
        occurrences
    }

    fn items(
        &mut self,
        owner: Element<'a>,
        name: &'static str,
        array: Element<'a>,
        child: &'static Child,
        which: usize,
        is_shadow: bool,
    ) -> u32 {
        let mut count = 0;
        // The other half of primitives: values may be null where there is only an extension, and the other way round.
        let other = owner
            .members()
            .find(|(member, _)| if is_shadow { member == name } else { member.strip_prefix('_') == Some(name) });
        let mut others = other.map(|(_, other)| other.items());
        for (index, item) in array.items().enumerate() {
            let beside = others.as_mut().and_then(Iterator::next);
            count += 1;
            self.path.push(Segment::Index(index));
            if item.kind() == Kind::Null {
                if beside.is_none_or(|beside| beside.kind() == Kind::Null) {
                    self.issue("structure", None, "is null without anything beside it");
                }
            } else {
                self.value(item, child, which, is_shadow);
            }
            self.path.pop();
        }
        if count == 0 {
            self.issue("structure", None, "an array is not empty");
        }
        count
    }

    fn value(&mut self, value: Element<'a>, child: &'static Child, which: usize, is_shadow: bool) {
        let definitions = self.definitions;
        let kind = child.types.get(which);
        if value.kind() == Kind::Null {
            return self.issue("structure", None, "is not null");
        }
        if is_shadow {
            let is_primitive = kind.is_none_or(|kind| definitions.of(kind.number).kind == TypeKind::Primitive);
            if !is_primitive {
                return self.issue("structure", None, "only primitive elements have a `_` member");
            }
            if let Some(element) = definitions.type_number("Element") {
                self.object(value, definitions.of(element).shape, false);
            }
            return;
        }
        if let Some(shape) = child.shape {
            self.object(value, shape, false);
            if self.level == Level::Strict {
                invariant::check(self, value, &child.constraints);
            }
            return;
        }
        let Some(kind) = kind else { return };
        let found = definitions.of(kind.number);
        match found.kind {
            TypeKind::Primitive => {
                if let Some(reason) = primitive::wrong(&found.name, value) {
                    return self.issue("value", None, reason);
                }
            }
            TypeKind::Resource => return self.inner_resource(value, &*child.name == "contained"),
            TypeKind::Complex => {
                self.object(value, found.shape, false);
                match &*found.name {
                    "Reference" => reference::check(self, value, &kind.targets),
                    "Extension" => extension(self, value),
                    _ => {}
                }
            }
        }
        if let Some(set) = child.set {
            self.bound(value, set, &found.name);
        }
        if self.level == Level::Strict {
            invariant::check(self, value, &found.constraints);
            invariant::check(self, value, &child.constraints);
        }
    }

    /// Codes of a required binding.
    fn bound(&mut self, value: Element<'_>, set: u16, kind: &str) {
        let Some(set) = self.definitions.set(set).filter(|set| set.is_listed()) else { return };
        let text = |element: Element<'_>, name: &str| {
            element.get(name).and_then(Element::as_str).map(|text| text.into_owned())
        };
        let coding_fits = |coding: Element<'_>| match (text(coding, "system"), text(coding, "code")) {
            (Some(system), Some(code)) => set.has_coding(&system, &code),
            (None, Some(code)) => set.has(&code),
            _ => true,
        };
        let fits = match kind {
            "CodeableConcept" => {
                let mut codings = value.get("coding").into_iter().flat_map(Element::items).peekable();
                codings.peek().is_none() || codings.any(coding_fits)
            }
            "Coding" => coding_fits(value),
            "code" | "string" | "uri" => value.as_str().is_none_or(|code| set.has(&code)),
            _ => true,
        };
        if !fits {
            let url = set.url.clone();
            self.issue("code-invalid", None, format!("is a code of {url}"));
        }
    }

    /// Whether a resource with this id is contained.
    pub fn contains(&self, id: &str) -> bool {
        self.contained.contains(id)
    }

    /// Whether the walk is inside of a contained resource.
    pub fn is_in_contained(&self) -> bool {
        self.depth_contained > 0
    }
}

/// A name as the definitions have it, which live as long as the program.
fn child_name(shape: &'static Shape, name: &str) -> &'static str {
    shape.name_of(name).unwrap_or_default()
}

/// An extension has a value or extensions of its own, not both (ext-1).
fn extension(walk: &mut Walk<'_>, value: Element<'_>) {
    let has_value = value.members().any(|(name, _)| name.trim_start_matches('_').starts_with("value"));
    if has_value == value.get("extension").is_some() {
        walk.issue("invariant", None, "ext-1: an extension has a value or extensions, not both");
    }
}
