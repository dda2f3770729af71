//! What went wrong with a resource or request, as an OperationOutcome (hl7.org/fhir/R4/operationoutcome.html).

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

impl Severity {
    /// The code in an OperationOutcome.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    /// Of the code system `issue-type`, such as `required`.
    pub code: &'static str,
    /// Names elements, parameters and rules; holds nothing of a resource's content.
    pub diagnostics: String,
    /// The element, such as `Patient.name[0].given[1]`.
    pub expression: Option<String>,
}

impl Issue {
    /// An error of the whole.
    pub fn error(code: &'static str, diagnostics: impl Into<String>) -> Issue {
        Issue { severity: Severity::Error, code, diagnostics: diagnostics.into(), expression: None }
    }

    /// An error of an element.
    pub fn at(code: &'static str, expression: impl Into<String>, diagnostics: impl Into<String>) -> Issue {
        Issue { expression: Some(expression.into()), ..Issue::error(code, diagnostics) }
    }

    /// Something good or harmless.
    pub fn information(diagnostics: impl Into<String>) -> Issue {
        Issue {
            severity: Severity::Information,
            code: "informational",
            diagnostics: diagnostics.into(),
            expression: None,
        }
    }
}

/// An OperationOutcome of these issues; of none, one that says all is well.
pub fn outcome(issues: &[Issue]) -> String {
    let well = [Issue::information("All OK")];
    let issues = if issues.is_empty() { &well } else { issues };
    let mut out = String::from(r#"{"resourceType":"OperationOutcome","issue":["#);
    for (at, issue) in issues.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(r#"{"severity":""#);
        out.push_str(issue.severity.code());
        out.push_str(r#"","code":""#);
        out.push_str(issue.code);
        out.push_str(r#"","diagnostics":"#);
        crate::json::write_string(&mut out, &issue.diagnostics);
        if let Some(expression) = &issue.expression {
            for name in ["location", "expression"] {
                out.push_str(&format!(r#","{name}":["#));
                crate::json::write_string(&mut out, expression);
                out.push(']');
            }
        }
        out.push('}');
    }
    out.push_str("]}");
    out
}
