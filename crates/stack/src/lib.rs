//! CloudFormation templates: parse, resolve, order, deploy.
