//! One HTTP port: AWS protocols, signatures, wire shapes.
