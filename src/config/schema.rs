//! The policy's JSON Schema, for editors and other tools.

use serde_json::{Map, Value, json};

use super::{
    Declaration,
    check::LATER,
    file::PolicyFile,
    kms::{Setting, SettingKind},
};

/// JSON Schema (draft 2020-12) of the policy file, made from the types that read it and from the kinds of
/// key management service that there are. Committed as docs/policy.schema.json.
pub fn json_schema(kms: &[&'static Declaration]) -> Value {
    let mut schema = schemars::schema_for!(PolicyFile).to_value();
    let service = json!({
        "description": "A key management service.",
        "oneOf": kms.iter().map(|declared| kind(declared)).chain(later(kms)).collect::<Vec<_>>(),
    });
    if let Some(place) = schema.pointer_mut("/$defs/KmsFile") {
        *place = service;
    }
    schema
}

fn kind(declared: &Declaration) -> Value {
    let settings: Map<String, Value> =
        declared.settings.iter().map(|setting| (setting.name.to_owned(), value(setting))).collect();
    let required: Vec<&str> = declared.settings.iter().filter(|s| s.required).map(|s| s.name).collect();
    let mut inner = json!({ "type": "object", "properties": settings, "additionalProperties": false });
    if let (false, Some(inner)) = (required.is_empty(), inner.as_object_mut()) {
        inner.insert("required".to_owned(), json!(required));
    }
    only(declared.kind, declared.summary, &inner)
}

/// Known by name, so that an editor does not call them misspelt.
fn later(kms: &[&'static Declaration]) -> impl Iterator<Item = Value> {
    LATER
        .into_iter()
        .filter(|(kind, _)| kms.iter().all(|declared| declared.kind != *kind))
        .map(|(kind, name)| only(kind, &format!("{name}. Not supported yet."), &json!(true)))
}

/// A mapping of one key.
fn only(key: &str, description: &str, value: &Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "properties": { key: value },
        "required": [key],
        "additionalProperties": false,
    })
}

fn value(setting: &Setting) -> Value {
    let text = json!({ "type": "string" });
    let mut forms = match setting.value {
        SettingKind::Secret => vec![text, json!({ "$ref": "#/$defs/SecretFile" })],
        SettingKind::Url => vec![json!({ "type": "string", "format": "uri" })],
        SettingKind::Text | SettingKind::Path | SettingKind::Kms => vec![text],
    };
    if !setting.required {
        forms.push(json!({ "type": "null" }));
    }
    json!({ "description": setting.doc, "anyOf": forms })
}
