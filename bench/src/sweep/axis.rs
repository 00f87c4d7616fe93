//! Axes of plots: where a value lies, and which values are named beside them.

/// How an axis spreads its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// From zero.
    Linear,
    Log,
    /// Words by their number.
    Words(&'static [&'static str]),
}

/// A stretch of an axis, in places: logarithms where the scale is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    scale: Scale,
    pub from: f64,
    pub to: f64,
    /// Places that are named.
    pub ticks: Vec<f64>,
}

impl Scale {
    /// Where a value lies. What a logarithm can't place lies at its smallest value.
    pub fn place(self, value: f64) -> f64 {
        if self == Self::Log { value.max(1e-3).log10() } else { value }
    }

    /// The words for a place.
    pub fn words(self, place: f64) -> String {
        match self {
            Self::Linear => short(place),
            Self::Log => short(10_f64.powf(place)),
            Self::Words(words) => {
                let is_whole = (place - place.round()).abs() < 1e-6 && place > -0.5;
                let word = is_whole.then(|| words.get(place.round() as usize)).flatten();
                word.map_or_else(String::new, |word| (*word).to_owned())
            }
        }
    }
}

impl Axis {
    /// An axis that holds all these values with some room, and names round ones.
    pub fn around(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let places = values.map(|value| scale.place(value));
        let (low, high) =
            places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| (low.min(place), high.max(place)));
        let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
        match scale {
            Scale::Linear => Self { scale, from: 0.0, to: (high * 1.08).max(1e-9), ticks: round(high * 1.08) },
            Scale::Log => {
                let (from, to) = (low - 0.08, high + 0.08);
                let ticks = round_logarithms(from, to);
                // Within less than a third of a decade no round value may lie.
                if ticks.len() > 1 {
                    return Self { scale, from, to, ticks };
                }
                let (from, to) = (from.floor(), to.ceil());
                Self { scale, from, to, ticks: round_logarithms(from, to) }
            }
            Scale::Words(_) => {
                let ticks = (0..=high as u32).map(f64::from).collect();
                Self { scale, from: -0.5, to: high + 0.5, ticks }
            }
        }
    }

    /// The same stretch with these values named instead.
    pub fn naming(self, values: impl Iterator<Item = f64>) -> Self {
        let scale = self.scale;
        Self { ticks: values.map(|value| scale.place(value)).collect(), ..self }
    }
}

/// Round values from zero: four to eight of them.
fn round(high: f64) -> Vec<f64> {
    if high <= 0.0 || !high.is_finite() {
        return vec![0.0];
    }
    let magnitude = 10_f64.powf((high / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * magnitude).into_iter().rfind(|step| high / step >= 4.0);
    let step = step.unwrap_or(magnitude);
    (0..=(high / step) as u32).map(|number| f64::from(number) * step).collect()
}

/// 1, 2 and 5 of each decade; 1 alone where there are many.
fn round_logarithms(from: f64, to: f64) -> Vec<f64> {
    let parts: &[f64] = if to - from > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let decades = from.floor() as i32..=to.ceil() as i32;
    let places = decades.flat_map(|decade| parts.iter().map(move |part| f64::from(decade) + part.log10()));
    places.filter(|place| (from..=to).contains(place)).collect()
}

/// `3M`, `20k`, `0.5`.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        _ if value >= 999_500.0 => (value / 1e6, "M"),
        _ if value >= 999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = if value >= 99.5 || (value - value.round()).abs() < 1e-6 { 0 } else { 2 };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests;
