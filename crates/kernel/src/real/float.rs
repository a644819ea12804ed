//! The arithmetic of [`Real`]: operators are those of `f64`, functions those of `libm`.

use super::Real;
use core::num::FpCategory;
use core::ops::{Add, Div, Mul, Neg, Rem, Sub};
use num_traits::{Float, FloatConst, Num, NumCast, One, ToPrimitive, Zero};

macro_rules! operators {
    ($($operator:ident $method:ident),*) => {$(
        impl $operator for Real {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self($operator::$method(self.0, other.0))
            }
        }
    )*};
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl Rem for Real {
    type Output = Self;
    fn rem(self, other: Self) -> Self {
        Self(libm::fmod(self.0, other.0))
    }
}

impl Neg for Real {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Zero for Real {
    #[inline]
    fn zero() -> Self {
        Self(0.0)
    }
    #[inline]
    fn is_zero(&self) -> bool {
        self.0 == 0.0
    }
}

impl One for Real {
    #[inline]
    fn one() -> Self {
        Self(1.0)
    }
}

impl ToPrimitive for Real {
    fn to_i64(&self) -> Option<i64> {
        self.0.to_i64()
    }
    fn to_u64(&self) -> Option<u64> {
        self.0.to_u64()
    }
    fn to_f64(&self) -> Option<f64> {
        Some(self.0)
    }
}

impl NumCast for Real {
    #[inline]
    fn from<T: ToPrimitive>(number: T) -> Option<Self> {
        number.to_f64().map(Self)
    }
}

impl Num for Real {
    type FromStrRadixErr = <f64 as Num>::FromStrRadixErr;
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        f64::from_str_radix(text, radix).map(Self)
    }
}

macro_rules! constants {
    ($($name:ident)*) => {
        impl FloatConst for Real {
            $(fn $name() -> Self { Self(core::f64::consts::$name) })*
        }
    };
}

constants! {
    E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6 FRAC_PI_8
    LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2
}

/// Methods that take and return floats and have a namesake elsewhere.
macro_rules! functions {
    ($($name:ident($($argument:ident),*) = $path:path;)*) => {$(
        #[inline]
        fn $name(self $(, $argument: Self)*) -> Self {
            Self($path(self.0 $(, $argument.0)*))
        }
    )*};
}

macro_rules! values {
    ($($name:ident = $value:expr;)*) => {$(
        #[inline]
        fn $name() -> Self {
            Self($value)
        }
    )*};
}

macro_rules! questions {
    ($($name:ident)*) => {$(
        #[inline]
        fn $name(self) -> bool {
            self.0.$name()
        }
    )*};
}

impl Float for Real {
    values! {
        nan = f64::NAN;
        infinity = f64::INFINITY;
        neg_infinity = f64::NEG_INFINITY;
        neg_zero = -0.0;
        min_value = f64::MIN;
        min_positive_value = f64::MIN_POSITIVE;
        epsilon = f64::EPSILON;
        max_value = f64::MAX;
    }

    questions! { is_nan is_infinite is_finite is_normal is_sign_positive is_sign_negative }

    functions! {
        floor() = libm::floor;
        ceil() = libm::ceil;
        round() = libm::round;
        trunc() = libm::trunc;
        abs() = f64::abs;
        signum() = f64::signum;
        mul_add(factor, addend) = libm::fma;
        powf(exponent) = libm::pow;
        sqrt() = libm::sqrt;
        exp() = libm::exp;
        exp2() = libm::exp2;
        ln() = libm::log;
        log2() = libm::log2;
        log10() = libm::log10;
        max(other) = crate::math::max;
        min(other) = crate::math::min;
        abs_sub(other) = libm::fdim;
        cbrt() = libm::cbrt;
        hypot(other) = libm::hypot;
        sin() = libm::sin;
        cos() = libm::cos;
        tan() = libm::tan;
        asin() = libm::asin;
        acos() = libm::acos;
        atan() = libm::atan;
        atan2(other) = libm::atan2;
        exp_m1() = libm::expm1;
        ln_1p() = libm::log1p;
        sinh() = libm::sinh;
        cosh() = libm::cosh;
        tanh() = libm::tanh;
        asinh() = libm::asinh;
        acosh() = libm::acosh;
        atanh() = libm::atanh;
        copysign(sign) = libm::copysign;
    }

    fn classify(self) -> FpCategory {
        self.0.classify()
    }

    fn fract(self) -> Self {
        self - self.trunc()
    }

    fn recip(self) -> Self {
        Self(1.0 / self.0)
    }

    fn powi(self, n: i32) -> Self {
        Self(libm::pow(self.0, n as f64))
    }

    fn log(self, base: Self) -> Self {
        self.ln() / base.ln()
    }

    fn sin_cos(self) -> (Self, Self) {
        (self.sin(), self.cos())
    }

    fn integer_decode(self) -> (u64, i16, i8) {
        num_traits::float::FloatCore::integer_decode(self.0)
    }
}
