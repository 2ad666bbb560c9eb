// The generator's operator families; each table is defined in the file of its name.
#ifndef MOIRE_FUZZERS_GENERATE_OPS_FAMILIES_H_
#define MOIRE_FUZZERS_GENERATE_OPS_FAMILIES_H_

#include "fuzzers/generate/op_entry.h"

namespace moire {

OpTable UnaryOps();          // unary.cc: element-wise functions and activations
OpTable BinaryOps();         // binary.cc: arithmetic with broadcasting
OpTable LogicOps();          // logic.cc: comparison, logic, bits, Where, Clip, Cast
OpTable ReduceOps();         // reduce.cc: Reduce*, ArgMax, ArgMin, CumSum, TopK
OpTable MatrixOps();         // matrix.cc: MatMul, Gemm, Einsum, Det
OpTable ConvOps();           // conv.cc: Conv, ConvTranspose, pooling
OpTable NormOps();           // norm.cc: Softmax, normalisations
OpTable LayoutOps();         // layout.cc: Reshape, Transpose, Concat, Split, ...
OpTable GatherScatterOps();  // gather_scatter.cc
OpTable SelectOps();         // select.cc: Slice, Pad, Resize, Compress, ...
OpTable CreateOps();         // create.cc: Constant, Range, ConstantOfShape, Shape, ...
OpTable QuantOps();          // quant.cc: QuantizeLinear, DequantizeLinear, QLinear*, ...
OpTable RecurrentOps();      // recurrent.cc: RNN, GRU, LSTM
OpTable AttentionOps();      // attention.cc: Attention, RotaryEmbedding, TensorScatter, ...
OpTable SignalOps();         // signal.cc: DFT, STFT, windows
OpTable VisionOps();         // vision.cc: RoiAlign, GridSample, NonMaxSuppression, ...
OpTable RandomOps();         // random.cc: RandomNormal, Bernoulli, ...
OpTable TextOps();           // text.cc: strings
OpTable LossOps();           // loss.cc
OpTable SequenceOps();       // sequence.cc: sequences and optionals
OpTable ControlOps();        // control.cc: If, Loop, Scan, SequenceMap
OpTable ClassicOps();        // classic.cc: ai.onnx.ml without trees
OpTable TreeOps();           // trees.cc: tree ensembles and support vectors
// Of com.microsoft, ONNX Runtime's contributed domain.
OpTable ContributedProducts();  // contributed_products.cc: MatMul, Conv and their fused forms
OpTable ContributedMoves();     // contributed_moves.cc: what moves, selects and counts elements
OpTable ContributedLayers();    // contributed_layers.cc: activations, normalisations, attention
OpTable ContributedQuants();    // contributed_quants.cc: quantised operators

// Shared by families.
bool InferSame(InferContext& c);       // every output has the shape of input 0
bool InferBroadcast(InferContext& c);  // output 0: all inputs broadcast together
bool ChooseUnary(OpContext& c);        // one existing value
bool ChooseBinary(OpContext& c);       // two values that broadcast

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OPS_FAMILIES_H_
