// The operators that effective_bits.h measures: how each is asked for many dot products or sums at
// once. Private to effective_bits.cc.
#ifndef MOIRE_HARNESS_EXECUTE_BIT_PROBES_H_
#define MOIRE_HARNESS_EXECUTE_BIT_PROBES_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"
#include "harness/case/model.h"

namespace moire {

// What is computed of the terms a[k] * b[k]; without a second operand b is 1, or a itself.
enum class Formula { kProducts, kSum, kMean, kAbsolutes, kSquares, kRootOfSquares };

// Where element (row, term) of a, (term, column) of b and (row, column) of the result stand.
struct Layout {
  Shape a, b, y;
  int64_t a_row = 0, a_term = 1, b_term = 0, b_column = 0, y_row = 0, y_column = 0, y_first = 0;
};

struct BitProbe {
  std::string_view name, op;
  Formula formula = Formula::kProducts;
  int64_t window = 1;  // terms come in multiples of it
  Layout (*layout)(int64_t rows, int64_t terms, int64_t columns);
  void (*complete)(Model& model, int64_t terms, int64_t columns);  // attributes, further inputs
};
std::span<const BitProbe> BitProbes();

// Rows x terms and terms x columns of factors; columns is 1 where there is no second operand.
struct Factors {
  int64_t rows = 0, terms = 0, columns = 0;
  std::vector<float> a, b;  // a[row * terms + k]; b[k * columns + column]
};
// Signed sums of the terms' products, of rows x columns results, as the backend gives them: the
// square of a root, a mean times the number of terms. An error says how it ended instead.
Result<std::vector<double>> RunProbe(const BitProbe& probe, const Factors& factors,
                                     Configuration& configuration);
// The same exactly (to 2^-60 of the sum of magnitudes).
std::vector<double> ExactResults(const BitProbe& probe, const Factors& factors);

inline bool HasSecondOperand(const BitProbe& probe) { return probe.formula == Formula::kProducts; }

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_BIT_PROBES_H_
