use super::*;

#[test]
fn impossible_parameters_are_named() {
    let table = [
        (Sampler::constant(f64::NAN), "constant law: value is NaN, but must be a finite number that is not negative"),
        (Sampler::constant(-1.0), "constant law: value is -1, but must be a finite number that is not negative"),
        (Sampler::uniform(2.0, 1.0), "uniform law: high is 1, but must be a finite number not below low"),
        (Sampler::exponential(0.0), "exponential law: mean is 0, but must be a finite number above zero"),
        (Sampler::exponential(f64::INFINITY), "exponential law: mean is inf, but must be a finite number above zero"),
        (Sampler::normal(-1.0, 1.0), "normal law: mean is -1, but must be a finite number that is not negative"),
        (
            Sampler::log_normal_median_p99(2.0, 1.0),
            "log-normal law: p99 is 1, but must be a finite number not below the median",
        ),
        (Sampler::gamma(0.0, 1.0), "gamma law: shape is 0, but must be a finite number above zero"),
        (Sampler::pareto(1.0, f64::NAN), "Pareto law: shape is NaN, but must be a finite number above zero"),
        (Sampler::weibull(-1.0, 1.0), "Weibull law: scale is -1, but must be a finite number above zero"),
        (Sampler::zipf(0, 1.0), "Zipf law: n is 0, but must be at least 1"),
        (Sampler::empirical(vec![]), "empirical law: the number of values is 0, but must be at least 1"),
        (
            Sampler::empirical(vec![1.0, -1.0]),
            "empirical law: a value is -1, but must be a finite number that is not negative",
        ),
        (Sampler::mixture(vec![]), "mixture law: the sum of the weights is 0, but must be a finite number above zero"),
    ];
    for (result, expected) in table {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}
