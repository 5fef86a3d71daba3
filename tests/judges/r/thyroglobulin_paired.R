# Expected values of the thyroglobulin and paired-change tests, from R and its `survival` package.
#   Rscript thyroglobulin_paired.R > thyroglobulin_paired.json
# The Tg values are those of the synthetic reference cohort, before the drugs and at 3 months (the
# pair below the limit at both times left out); the series are made up.
library(survival)

before <- c(412, 88.5, 1530, 23.7, 64, 245, 311, 12.4, 890, 37.2, 156, 2050, 4.6, 520, 6120)
after <- c(96.4, 30.1, 402, 9.8, 41.5, 118, 190, 0.9, 1460, 15, 92, 3380, 1.1, 702, 8900)
change <- log(after / before)

number <- function(x) paste0("[", paste(format(as.numeric(x), digits = 17, trim = TRUE), collapse = ", "), "]")
entries <- character()
say <- function(name, x) entries <<- c(entries, sprintf('  "%s": %s', name, number(x)))

signed <- function(name, d, ...) {
  test <- suppressWarnings(wilcox.test(d, ...))
  say(paste0(name, ".v"), test$statistic)
  say(paste0(name, ".p"), test$p.value)
}
# Exact, and R's normal approximation: asked for, with a tie, with a zero, with 50 differences.
signed("signed_rank.cohort", change)
signed("signed_rank.cohort_normal", change, exact = FALSE)
signed("signed_rank.tied", c(1, 1, -2, 3, 4, -4, 5))
signed("signed_rank.zero", c(0, change))
signed("signed_rank.fifty", sin(1:50) + 0.2)
signed("signed_rank.forty_nine", sin(1:49) + 0.2)

shift <- wilcox.test(change, conf.int = TRUE)
say("pseudo_median.cohort", c(shift$estimate, shift$conf.int, attr(shift$conf.int, "conf.level")))
small <- suppressWarnings(wilcox.test(c(1.5, -0.25, 2), conf.int = TRUE))
say("pseudo_median.small", c(small$estimate, small$conf.int, attr(small$conf.int, "conf.level")))

mean_change <- t.test(change)
say("paired_mean.cohort", c(mean_change$estimate, mean_change$stderr, mean_change$conf.int,
                            mean_change$statistic, mean_change$p.value))

# Tobit: below a limit, above a limit, and a mean alone.
censored <- function(name, formula) {
  fit <- survreg(formula, dist = "gaussian",
                 control = survreg.control(rel.tolerance = 1e-15, maxiter = 500))
  say(paste0(name, ".coef"), coef(fit))
  say(paste0(name, ".sigma"), fit$scale)
  say(paste0(name, ".loglik"), fit$loglik[2])
  say(paste0(name, ".covariance"), vcov(fit))
}
day <- c(0, 91, 183, 329, 475, 657)
tg <- c(12.4, 6.1, 2.2, 0.9, 0.1, 0.1)
seen <- c(1, 1, 1, 1, 0, 0)
years <- day / 365.25
censored("tobit.falling", Surv(log(tg), seen, type = "left") ~ years)

day2 <- c(0, 60, 150, 240, 400)
tg2 <- c(0.2, 0.2, 0.31, 0.4, 0.9)
seen2 <- c(0, 0, 1, 1, 1)
years2 <- day2 / 365.25
censored("tobit.rising", Surv(log(tg2), seen2, type = "left") ~ years2)

# Interval form: the first below 0.1, the last above 3.
low <- c(NA, -0.4, 0.2, 0.9, 1.4, 3)
high <- c(0.1, -0.4, 0.2, 0.9, 1.4, NA)
x <- c(0, 1, 2, 3, 4, 5)
censored("tobit.both_sides", Surv(low, high, type = "interval2") ~ x)
ratio <- c(-1.2, -0.5, 0.3, -2.1, -1.9)
known <- c(1, 1, 1, 0, 0)
censored("tobit.mean", Surv(ratio, known, type = "left") ~ 1)

line <- lm(log(c(1.0, 1.6, 2.1, 4.4)) ~ I(c(0, 180, 365, 720) / 365.25))
say("line.slope", c(coef(line)[2], confint(line)[2, ]))

cat("{\n", paste(c(sprintf('  "r": "%s"', R.version.string),
                   sprintf('  "survival": "%s"', packageVersion("survival")), entries),
                 collapse = ",\n"), "\n}\n", sep = "")
