//! The plot of a soak: two curves over time, as an SVG.

use std::fmt::Write;

use super::sample::Sample;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 50.0;

/// The daemon's memory and open files over the minutes.
pub(super) fn svg(samples: &[Sample]) -> String {
    let end = samples.last().map_or(1.0, |sample| sample.second.max(1.0));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        2.0 * HEIGHT
    );
    let memory: Vec<(f64, f64)> = samples.iter().map(|s| (s.second, s.memory_mb)).collect();
    let files: Vec<(f64, f64)> = samples.iter().map(|s| (s.second, s.files)).collect();
    line(
        &mut out,
        0.0,
        "memory of the daemon, MB",
        "#1f6feb",
        &memory,
        end,
    );
    line(
        &mut out,
        HEIGHT,
        "open files of the daemon",
        "#bf5700",
        &files,
        end,
    );
    out.push_str("</svg>\n");
    out
}

fn line(out: &mut String, top: f64, title: &str, color: &str, points: &[(f64, f64)], end: f64) {
    let most = points.iter().map(|(_, value)| *value).fold(1.0, f64::max) * 1.1;
    let (left, right) = (MARGIN, WIDTH - MARGIN);
    let (above, below) = (top + MARGIN, top + HEIGHT - MARGIN);
    let x = |second: f64| left + (right - left) * second / end;
    let y = |value: f64| below - (below - above) * value / most;
    let path: Vec<String> = points
        .iter()
        .map(|(second, value)| format!("{:.1},{:.1}", x(*second), y(*value)))
        .collect();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<text x=\"{left}\" y=\"{:.0}\" fill=\"{color}\">{title}</text>\n\
         <path d=\"M{left},{above} V{below} H{right}\" fill=\"none\" stroke=\"#888\"/>\n\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{most:.0}</text>\n\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">0</text>\n\
         <text x=\"{right}\" y=\"{:.0}\" text-anchor=\"end\">{:.0} min</text>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>\n",
        above - 10.0,
        left - 6.0,
        above + 5.0,
        left - 6.0,
        below,
        below + 18.0,
        end / 60.0,
        path.join(" ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_a_point_of_both_lines_within_the_picture() {
        let samples =
            [(0.0, 10.0, 20.0), (60.0, 12.0, 25.0)].map(|(second, memory_mb, files)| Sample {
                second,
                memory_mb,
                files,
                restarts: 0.0,
            });
        let svg = svg(&samples);
        let lines: Vec<&str> = svg
            .lines()
            .filter(|line| line.contains("<polyline"))
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].contains("points=\"50.0,83.9 850.0,62.7\""),
            "{}",
            lines[0]
        );
        assert!(svg.contains("1 min"));
    }
}
