// Runs a file of weights for libfacedetection, layer by layer and as plainly as can be.
//
// Arguments: rows and columns of an image, multiples of 32. Standard input: its bytes, BGR, row by
// row. Standard output: float32 maps, a pixel's channels side by side, of stride 8, 16, 32 for each
// of cls, bbox, obj, kps.
#include "facedetectcnn.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

extern ConvInfoStruct param_pConvInfo[53];

struct Map {
    int rows, cols, channels;
    std::vector<float> values;
    Map(int r, int c, int ch) : rows(r), cols(c), channels(ch), values(size_t(r) * c * ch) {}
    bool has(int r, int c) const { return r >= 0 && r < rows && c >= 0 && c < cols; }
    float &at(int r, int c, int ch) { return values[(size_t(r) * cols + c) * channels + ch]; }
};

Map convolve(Map in, int index) {
    const ConvInfoStruct &conv = param_pConvInfo[index];
    if (in.channels != conv.channels || conv.is_depthwise == conv.is_pointwise) {
        std::fprintf(stderr, "convolution %d does not fit\n", index);
        std::exit(1);
    }
    Map out(in.rows, in.cols, conv.num_filters);
    for (int r = 0; r < out.rows; r++)
        for (int c = 0; c < out.cols; c++)
            for (int o = 0; o < out.channels; o++) {
                float sum = conv.pBiases[o];
                if (conv.is_pointwise)
                    for (int i = 0; i < in.channels; i++)
                        sum += in.at(r, c, i) * conv.pWeights[o * in.channels + i];
                else
                    for (int k = 0; k < 9; k++)
                        if (in.has(r + k / 3 - 1, c + k % 3 - 1))
                            sum += in.at(r + k / 3 - 1, c + k % 3 - 1, o) *
                                   conv.pWeights[k * in.channels + o];
                out.at(r, c, o) = conv.with_relu ? std::max(sum, 0.f) : sum;
            }
    return out;
}

Map convolve(Map in, int first, int last) {
    for (int index = first; index <= last; index++) in = convolve(in, index);
    return in;
}

Map pool(Map in) {
    Map out(in.rows / 2, in.cols / 2, in.channels);
    for (int r = 0; r < out.rows; r++)
        for (int c = 0; c < out.cols; c++)
            for (int i = 0; i < out.channels; i++)
                out.at(r, c, i) = std::max(
                    std::max(in.at(2 * r, 2 * c, i), in.at(2 * r, 2 * c + 1, i)),
                    std::max(in.at(2 * r + 1, 2 * c, i), in.at(2 * r + 1, 2 * c + 1, i)));
    return out;
}

Map add_enlarged(Map fine, Map coarse) {
    for (int r = 0; r < fine.rows; r++)
        for (int c = 0; c < fine.cols; c++)
            for (int i = 0; i < fine.channels; i++) fine.at(r, c, i) += coarse.at(r / 2, c / 2, i);
    return fine;
}

int main(int, char **arguments) {
    const int rows = std::atoi(arguments[1]), cols = std::atoi(arguments[2]);
    std::vector<unsigned char> image(size_t(rows) * cols * 3);
    if (std::fread(image.data(), 1, image.size(), stdin) != image.size()) return 1;
    Map x(rows / 2, cols / 2, 32);
    for (int r = 0; r < x.rows; r++)
        for (int c = 0; c < x.cols; c++)
            for (int k = 0; k < 9; k++) {
                const int y = 2 * r + k / 3 - 1, z = 2 * c + k % 3 - 1;
                if (y >= 0 && y < rows && z >= 0 && z < cols)
                    for (int i = 0; i < 3; i++)
                        x.at(r, c, 3 * k + i) = image[(size_t(y) * cols + z) * 3 + i];
            }
    x = convolve(convolve(pool(convolve(x, 0, 2)), 3, 6), 7, 10);
    Map level8 = convolve(pool(x), 11, 14);
    Map level16 = convolve(pool(level8), 15, 18);
    Map level32 = convolve(convolve(pool(level16), 19, 22), 27, 28);
    level16 = convolve(add_enlarged(level16, level32), 25, 26);
    level8 = convolve(add_enlarged(level8, level16), 23, 24);
    for (int branch = 0; branch < 4; branch++) {
        int index = 29 + 6 * branch;
        for (const Map &level : {level8, level16, level32}) {
            const Map out = convolve(level, index, index + 1);
            std::fwrite(out.values.data(), sizeof(float), out.values.size(), stdout);
            index += 2;
        }
    }
}
