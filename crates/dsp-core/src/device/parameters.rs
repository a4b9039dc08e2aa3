//! The drawn parameters of all cells: as planes while a population is sampled, cell by cell afterwards.

use super::Cell;
use crate::error::{Error, Result, check_finite, check_len};
use crate::simd::LANES;
use crate::snapshot::State;

/// Drawn parameters as planes of one value per cell: the form in which populations are sampled. A plane that the device
/// does not use is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellPlanes {
    /// `b+`.
    pub max_bound: Vec<f32>,
    /// `b-`.
    pub min_bound: Vec<f32>,
    /// `s+`.
    pub dwmin_up: Vec<f32>,
    /// `s-`.
    pub dwmin_down: Vec<f32>,
    /// `r`.
    pub reference: Vec<f32>,
    /// The two shape parameters of a model.
    pub shape: Option<Shape<Vec<f32>>>,
    /// Slow changes without pulses.
    pub retention: Retention,
}

/// Two parameters of a model's response, with their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape<T> {
    /// Names, of up and down.
    pub names: [&'static str; 2],
    /// Values for up pulses.
    pub up: T,
    /// Values for down pulses.
    pub down: T,
}

/// Per-cell parameters of decay, diffusion, reset and drift; a plane that the device does not use is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retention {
    /// Factor of one decay step, `1 - 1/lifetime`.
    pub decay_scale: Vec<f32>,
    /// Standard deviation of one diffusion step.
    pub diffusion_rate: Vec<f32>,
    /// Weight that decay and reset lead to.
    pub reset_bias: Vec<f32>,
    /// Drift exponent.
    pub drift_nu: Vec<f32>,
}

impl Retention {
    fn planes_mut(&mut self) -> [(&'static str, &mut Vec<f32>); 4] {
        let Self { decay_scale, diffusion_rate, reset_bias, drift_nu } = self;
        [
            ("decay_scale", decay_scale),
            ("diffusion_rate", diffusion_rate),
            ("reset_bias", reset_bias),
            ("drift_nu", drift_nu),
        ]
    }

    fn planes(&self) -> [(&'static str, &Vec<f32>); 4] {
        let Self { decay_scale, diffusion_rate, reset_bias, drift_nu } = self;
        [
            ("decay_scale", decay_scale),
            ("diffusion_rate", diffusion_rate),
            ("reset_bias", reset_bias),
            ("drift_nu", drift_nu),
        ]
    }
}

impl CellPlanes {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.max_bound.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.max_bound.is_empty()
    }

    /// The cell with this index.
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell {
        Cell {
            index: index as u32,
            max_bound: self.max_bound[index],
            min_bound: self.min_bound[index],
            dwmin_up: self.dwmin_up[index],
            dwmin_down: self.dwmin_down[index],
            reference: self.reference.get(index).copied().unwrap_or(0.0),
            shape_up: self.shape.as_ref().map_or(0.0, |shape| shape.up[index]),
            shape_down: self.shape.as_ref().map_or(0.0, |shape| shape.down[index]),
        }
    }

    /// Cell by cell, the form in which kernels read them.
    #[must_use]
    pub fn pack(self) -> CellParameters {
        let record = |index| {
            let cell = self.cell(index);
            Record {
                max_bound: cell.max_bound,
                min_bound: cell.min_bound,
                dwmin_up: cell.dwmin_up,
                dwmin_down: cell.dwmin_down,
                reference: cell.reference,
            }
        };
        let records = (0..self.len()).map(record).collect();
        let has_reference = !self.reference.is_empty();
        CellParameters { records, has_reference, shape: self.shape, retention: self.retention, tables: None }
    }
}

/// What every model's cell has, side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Record {
    max_bound: f32,
    min_bound: f32,
    dwmin_up: f32,
    dwmin_down: f32,
    reference: f32,
}

// `fields` lists the parameters of a record by hand.
const _: () = assert!(size_of::<Record>() == 5 * size_of::<f32>());

/// Response tables of single cells: `nodes` values per cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    /// Nodes per cell.
    pub nodes: usize,
    /// Factors of the up step, cell after cell.
    pub up: Vec<f32>,
    /// Factors of the down step, cell after cell.
    pub down: Vec<f32>,
}

/// The drawn parameters of all cells of an array, in C order: a sparse pulse finds all that it needs in one or two cache
/// lines.
#[derive(Clone, Debug, PartialEq)]
pub struct CellParameters {
    records: Vec<Record>,
    has_reference: bool,
    shape: Option<Shape<Vec<f32>>>,
    /// Slow changes without pulses.
    pub retention: Retention,
    /// Tables of single cells, where they were given.
    pub tables: Option<Tables>,
}

/// One parameter of a record by its name.
type Field = (&'static str, fn(&mut Record) -> &mut f32);

impl CellParameters {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The cell with this index.
    #[inline(always)]
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell {
        let record = self.records[index];
        let (shape_up, shape_down) = match &self.shape {
            Some(shape) => (shape.up[index], shape.down[index]),
            None => (0.0, 0.0),
        };
        Cell {
            index: index as u32,
            max_bound: record.max_bound,
            min_bound: record.min_bound,
            dwmin_up: record.dwmin_up,
            dwmin_down: record.dwmin_down,
            reference: record.reference,
            shape_up,
            shape_down,
        }
    }

    /// Loads sixteen cells from `first` on, if there are so many: the parameters of [`Cell`] in its order, each in a plane.
    #[inline(always)]
    pub(super) fn sixteen(&self, first: usize, planes: &mut [[f32; LANES]; 7]) -> bool {
        let Some(records) = self.records.get(first..).and_then(<[_]>::first_chunk::<LANES>) else {
            return false;
        };
        // Nothing but the records in this loop: so it becomes permutations of whole registers.
        for lane in 0..LANES {
            planes[0][lane] = records[lane].max_bound;
            planes[1][lane] = records[lane].min_bound;
            planes[2][lane] = records[lane].dwmin_up;
            planes[3][lane] = records[lane].dwmin_down;
            planes[4][lane] = records[lane].reference;
        }
        if let Some(shape) = &self.shape {
            planes[5].copy_from_slice(&shape.up[first..first + LANES]);
            planes[6].copy_from_slice(&shape.down[first..first + LANES]);
        }
        true
    }

    /// Asks the memory system for the cell with this index.
    #[inline(always)]
    pub fn prefetch(&self, index: usize) {
        crate::simd::prefetch(&self.records, index);
    }

    /// The peer's names of the parameters; the reference only where the model has one.
    fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = vec![
            ("max_bound", |record| &mut record.max_bound),
            ("min_bound", |record| &mut record.min_bound),
            ("dwmin_up", |record| &mut record.dwmin_up),
            ("dwmin_down", |record| &mut record.dwmin_down),
        ];
        if self.has_reference {
            fields.push(("reference", |record| &mut record.reference));
        }
        fields
    }

    /// The names of all planes.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let fields = self.fields().into_iter().map(|(name, _)| name);
        let shape = self.shape.iter().flat_map(|shape| shape.names);
        let retention = self.retention.planes().into_iter().filter(|(_, plane)| !plane.is_empty());
        fields.chain(shape).chain(retention.map(|(name, _)| name)).collect()
    }

    /// One plane per parameter, with the peer's names.
    #[must_use]
    pub fn planes(&self) -> Vec<(&'static str, Vec<f32>)> {
        let plane = |(name, field): Field| (name, self.records.iter().map(|record| *field(&mut { *record })).collect());
        let mut planes: Vec<_> = self.fields().into_iter().map(plane).collect();
        if let Some(shape) = &self.shape {
            planes.push((shape.names[0], shape.up.clone()));
            planes.push((shape.names[1], shape.down.clone()));
        }
        let used = self.retention.planes().into_iter().filter(|(_, plane)| !plane.is_empty());
        planes.extend(used.map(|(name, plane)| (name, plane.clone())));
        planes
    }

    /// Replaces one parameter of all cells by measured values.
    ///
    /// # Errors
    /// [`Error`] for an unknown name, a wrong length, or values that are not finite.
    pub fn replace(&mut self, name: &str, values: Vec<f32>, rows: usize, cols: usize) -> Result<()> {
        let known = self.names();
        let Some(name) = known.iter().copied().find(|known| *known == name) else {
            return Err(Error::parameter(
                "cell_parameters",
                format!("{name:?}"),
                format!("a name among {}", known.join(", ")),
            ));
        };
        check_len(name, values.len(), rows, cols)?;
        check_finite(name, &values)?;
        if let Some((_, field)) = self.fields().into_iter().find(|(known, _)| *known == name) {
            for (record, value) in self.records.iter_mut().zip(&values) {
                *field(record) = *value;
            }
            return Ok(());
        }
        if let Some(shape) = &mut self.shape {
            for (known, plane) in shape.names.into_iter().zip([&mut shape.up, &mut shape.down]) {
                if known == name {
                    *plane = values;
                    return Ok(());
                }
            }
        }
        for (known, plane) in self.retention.planes_mut() {
            if known == name {
                *plane = values;
                break;
            }
        }
        Ok(())
    }

    /// Gives every cell its own response tables.
    ///
    /// # Errors
    /// [`Error`] unless both tables hold the same number of finite values per cell.
    pub fn set_tables(&mut self, up: Vec<f32>, down: Vec<f32>) -> Result<()> {
        let cells = self.len();
        let expected = |nodes: String| format!("{nodes} for each of {cells} cells");
        if up.is_empty() || !up.len().is_multiple_of(cells) {
            let (given, expected) = (format!("({},)", up.len()), expected("a number of nodes".into()));
            return Err(Error::Shape { name: "piecewise_up", given, expected });
        }
        if up.len() != down.len() {
            let given = format!("({},) and ({},)", up.len(), down.len());
            let expected = expected("the same number of nodes".into());
            return Err(Error::Shape { name: "piecewise_up and piecewise_down", given, expected });
        }
        check_finite("piecewise_up", &up)?;
        check_finite("piecewise_down", &down)?;
        self.tables = Some(Tables { nodes: up.len() / cells, up, down });
        Ok(())
    }

    /// Refuses crossed bounds, which a replaced plane can bring.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the first cell at fault.
    pub fn check_bounds(&self) -> Result<()> {
        match self.records.iter().position(|record| record.min_bound > record.max_bound) {
            None => Ok(()),
            Some(i) => Err(Error::parameter(
                &format!("cell_parameters[\"min_bound\"].flat[{i}]"),
                self.records[i].min_bound,
                format!("at most max_bound there, {}", self.records[i].max_bound),
            )),
        }
    }

    /// The complete state, planes of shape (rows, cols).
    #[must_use]
    pub fn snapshot(&self, rows: usize, cols: usize) -> State {
        let Self { records: _, has_reference: _, shape: _, retention: _, tables } = self;
        let mut state = State::default();
        for (name, plane) in self.planes() {
            state.set_plane(name, &[rows, cols], plane);
        }
        if let Some(Tables { nodes, up, down }) = tables {
            state.set_plane("piecewise_up", &[rows, cols, *nodes], up.clone());
            state.set_plane("piecewise_down", &[rows, cols, *nodes], down.clone());
        }
        state
    }

    /// Cells of the same device with the parameters of a state; they may have tables of their own if `tabulated`.
    ///
    /// # Errors
    /// [`Error::Snapshot`].
    pub fn restored(&self, mut from: State, rows: usize, cols: usize, tabulated: bool) -> Result<Self> {
        let mut parameters = self.clone();
        parameters.tables = None;
        for name in self.names() {
            let plane = from.plane(name, &[rows, cols])?;
            parameters.replace(name, plane, rows, cols)?;
        }
        parameters.check_bounds().map_err(|error| from.refuse("min_bound", error))?;
        if tabulated && from.has("piecewise_up") {
            let (shape, up) = from.shaped("piecewise_up")?;
            let nodes = match shape[..] {
                [r, c, nodes] if (r, c) == (rows, cols) && nodes > 0 => nodes,
                _ => {
                    return Err(
                        from.refuse("piecewise_up", format!("has shape {shape:?}: must be [{rows}, {cols}, n]"))
                    );
                }
            };
            let down = from.plane("piecewise_down", &shape)?;
            parameters.tables = Some(Tables { nodes, up, down });
        }
        from.finish()?;
        Ok(parameters)
    }
}
