//! Configurations: parsed and validated once by the core, then passed around as opaque objects.

use dsp_core::Error;
use dsp_core::algorithm::Rule;
use dsp_core::config::{Fields, Value};
use dsp_core::device::Device;
use dsp_core::periphery::Periphery;
use dsp_core::pulse::PulseUpdate;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence, PyString};

use crate::errors::raise;

/// A validated configuration.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct Config {
    fields: Fields,
    parsed: Parsed,
}

enum Parsed {
    Device(Device),
    Update(PulseUpdate),
    Periphery(Periphery),
    Rule(Box<Rule>),
}

/// Numbers in a list, more than any field takes.
const MOST_NUMBERS: usize = 1 << 16;

/// All kinds with their default fields.
fn kinds() -> Vec<(&'static str, Fields)> {
    let mut kinds = Device::kinds();
    kinds.extend(Rule::kinds());
    kinds.push(("PulseUpdate", PulseUpdate::default().fields()));
    kinds.push(("Periphery", Periphery::default().fields()));
    kinds
}

fn parse(fields: &Fields) -> dsp_core::Result<Parsed> {
    let kind = fields.kind().unwrap_or_default();
    match kind {
        "PulseUpdate" => PulseUpdate::read(fields).map(Parsed::Update),
        "Periphery" => Periphery::read(fields).map(Parsed::Periphery),
        _ if Device::kinds().iter().any(|(name, _)| *name == kind) => Device::read(fields).map(Parsed::Device),
        _ if Rule::kinds().iter().any(|(name, _)| *name == kind) => {
            Rule::read(fields).map(|rule| Parsed::Rule(Box::new(rule)))
        }
        _ => {
            let names: Vec<_> = kinds().into_iter().map(|(name, _)| name).collect();
            Err(Error::parameter("kind", format!("{kind:?}"), format!("one of {}", names.join(", "))))
        }
    }
}

fn value(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(config) = object.cast::<Config>() {
        return Ok(Value::Nested(config.get().fields.clone()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::Text(text.to_string()));
    }
    if let Ok(flag) = object.extract::<bool>() {
        return Ok(Value::Bool(flag));
    }
    if let Ok(int) = object.extract::<i64>() {
        return Ok(Value::Int(int));
    }
    if let Ok(number) = object.extract::<f64>() {
        return Ok(Value::Number(number));
    }
    if let Some(values) = list(object) {
        return Ok(Value::List(values));
    }
    let given = object.repr().map_or_else(|_| "(unprintable)".to_owned(), |text| text.to_string());
    raise(object.py(), Err(Error::parameter(name, given, "a flag, a number, a name or a configuration")))
}

/// The numbers of a sequence, one by one: its length is only what it says, so nothing is allocated for it.
fn list(object: &Bound<'_, PyAny>) -> Option<Vec<f64>> {
    let sequence = object.cast::<PySequence>().ok()?;
    let length = sequence.len().ok().filter(|length| *length <= MOST_NUMBERS)?;
    (0..length).map(|i| sequence.get_item(i).ok()?.extract().ok()).collect()
}

#[pymethods]
impl Config {
    #[new]
    fn new(kind: &str, fields: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut table = Fields::of_kind(kind);
        for (name, object) in fields {
            let name: String = name.extract()?;
            if name != "kind" {
                table.set(&name, value(&name, &object)?);
            }
        }
        let parsed = raise(fields.py(), parse(&table))?;
        Ok(Self { fields: table, parsed })
    }

    /// The kind of configuration.
    #[getter]
    fn kind(&self) -> &str {
        self.fields.kind().unwrap_or_default()
    }

    /// The core's default fields of a kind.
    #[staticmethod]
    fn defaults<'py>(py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let Some((_, fields)) = kinds().into_iter().find(|(name, _)| *name == kind) else {
            let names: Vec<_> = kinds().into_iter().map(|(name, _)| name).collect();
            return raise(
                py,
                Err(Error::parameter("kind", format!("{kind:?}"), format!("one of {}", names.join(", ")))),
            );
        };
        for (name, value) in fields.iter() {
            match value {
                Value::Bool(flag) => dict.set_item(name, flag)?,
                Value::Int(int) => dict.set_item(name, int)?,
                Value::Number(number) => dict.set_item(name, number)?,
                Value::Text(text) => dict.set_item(name, text)?,
                Value::List(values) => dict.set_item(name, values)?,
                Value::Nested(_) => {}
            }
        }
        Ok(dict)
    }

    /// Nominal size of a pulse of a device.
    fn granularity(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.device(py)?.granularity())
    }

    /// Train length and scales (BL, A, B) of an update, for a vector pair with these maxima.
    fn scaling(
        &self,
        py: Python<'_>,
        x_max: f64,
        d_max: f64,
        rate: f64,
        granularity: f64,
    ) -> PyResult<(u32, f64, f64)> {
        let scaling = self.update(py)?.scaling(x_max, d_max, rate, granularity);
        Ok((scaling.length, scaling.error, scaling.input))
    }

    fn __repr__(&self) -> String {
        format!("<{} configuration>", self.kind())
    }
}

impl Config {
    fn wrong<T>(&self, py: Python<'_>, name: &str, wanted: &str) -> PyResult<T> {
        raise(py, Err(Error::parameter(name, format!("<{}>", self.kind()), wanted)))
    }

    /// The device, or an error naming the argument.
    pub fn device(&self, py: Python<'_>) -> PyResult<&Device> {
        match &self.parsed {
            Parsed::Device(device) => Ok(device),
            _ => self.wrong(py, "device", "a device"),
        }
    }

    /// The update, or an error naming the argument.
    pub fn update(&self, py: Python<'_>) -> PyResult<&PulseUpdate> {
        match &self.parsed {
            Parsed::Update(update) => Ok(update),
            _ => self.wrong(py, "update", "a PulseUpdate"),
        }
    }

    /// The periphery, or an error naming the argument.
    pub fn periphery(&self, py: Python<'_>, name: &str) -> PyResult<&Periphery> {
        match &self.parsed {
            Parsed::Periphery(periphery) => Ok(periphery),
            _ => self.wrong(py, name, "a Periphery"),
        }
    }

    /// The rule, or an error naming the argument.
    pub fn rule(&self, py: Python<'_>) -> PyResult<&Rule> {
        match &self.parsed {
            Parsed::Rule(rule) => Ok(rule),
            _ => self.wrong(py, "algorithm", "a learning rule"),
        }
    }
}
