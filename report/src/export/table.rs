//! A table in Parquet, written a group of rows at a time.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

/// So many rows are held in memory and written together.
const ROWS: usize = 64 << 10;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A whole number, where there is one.
    Number(Option<i64>),
    /// Words, where there are any.
    Text(Option<String>),
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(Some(number as i64))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

/// A column of rows that are not written yet.
enum Column {
    Numbers(Pending<i64>),
    Texts(Pending<ByteArray>),
}

/// What is there, and for each row whether it is.
struct Pending<T> {
    values: Vec<T>,
    present: Vec<i16>,
}

impl<T> Pending<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
        }
    }

    fn push(&mut self, value: Option<T>) {
        self.present.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn write<D: DataType<T = T>>(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        writer
            .typed::<D>()
            .write_batch(&self.values, Some(&self.present), None)?;
        self.values.clear();
        self.present.clear();
        Ok(())
    }
}

/// A table that is being written.
pub struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    pending: usize,
    rows: u64,
}

impl<W: Write + Send> Table<W> {
    /// A table with these columns; those whose name ends with `:text` hold words.
    pub fn new(out: W, name: &str, columns: &[&str]) -> Result<Self> {
        let fields: String = columns
            .iter()
            .map(|column| match column.strip_suffix(":text") {
                Some(column) => format!("optional binary {column} (UTF8);"),
                None => format!("optional int64 {column};"),
            })
            .collect();
        let schema = parse_message_type(&format!("message {name} {{ {fields} }}"))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("Tribunal {}", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?,
            columns: columns
                .iter()
                .map(|column| {
                    if column.ends_with(":text") {
                        Column::Texts(Pending::new())
                    } else {
                        Column::Numbers(Pending::new())
                    }
                })
                .collect(),
            pending: 0,
            rows: 0,
        })
    }

    /// One more row: as many cells as columns, each of its kind.
    pub fn push<const N: usize>(&mut self, cells: [Cell; N]) -> Result<()> {
        if cells.len() != self.columns.len() {
            return Err(ParquetError::General(
                "a row has as many cells as columns".to_owned(),
            ));
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Numbers(column), Cell::Number(number)) => column.push(number),
                (Column::Texts(column), Cell::Text(text)) => {
                    column.push(text.map(|text| ByteArray::from(text.into_bytes())));
                }
                (Column::Numbers(_), Cell::Text(_)) | (Column::Texts(_), Cell::Number(_)) => {
                    return Err(ParquetError::General("a cell is of its column's kind".to_owned()));
                }
            }
        }
        self.pending += 1;
        self.rows += 1;
        if self.pending == ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes the last rows and the end, and says how many rows there are.
    pub fn finish(mut self) -> Result<u64> {
        if self.pending > 0 {
            self.flush()?;
        }
        self.writer.close()?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let mut writer = group
                .next_column()?
                .ok_or_else(|| ParquetError::General("a table has all of its columns".to_owned()))?;
            match column {
                Column::Numbers(column) => column.write::<Int64Type>(&mut writer)?,
                Column::Texts(column) => column.write::<ByteArrayType>(&mut writer)?,
            }
            writer.close()?;
        }
        group.close()?;
        self.pending = 0;
        Ok(())
    }
}
