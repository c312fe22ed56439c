//! Sets of partitions.

use super::event::PARTITIONS;

/// Some of the 32 partitions, a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Partitions(u32);

impl Partitions {
    pub const ALL: Self = Self(u32::MAX);

    pub fn of(numbers: &[i16]) -> Self {
        Self(numbers.iter().fold(0, |bits, number| bits | 1 << number))
    }

    pub fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// In ascending order.
    pub fn numbers(self) -> Vec<i16> {
        (0..PARTITIONS).filter(|number| self.0 & (1 << number) != 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let mut some = Partitions::of(&[31, 0, 5, 5]);
        assert_eq!(some.numbers(), [0, 5, 31]);
        some.add(Partitions::of(&[6]));
        assert_eq!(some.numbers(), [0, 5, 6, 31]);
        assert_eq!(Partitions::ALL.numbers(), (0..PARTITIONS).collect::<Vec<_>>());
        assert_eq!(Partitions::default().numbers(), [0; 0]);
    }
}
